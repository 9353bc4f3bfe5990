"""A network that delivers the commit and loses its answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Silence:
    """Passes on what a client and a server say, but nothing that is answered after the client said `falls_at`."""

    def __init__(self, server_port: int) -> None:
        self.falls_at = b""
        self._server_port = server_port
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._door.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                deaf = threading.Event()
                threading.Thread(target=self._pass_on, args=(client, server, deaf), daemon=True).start()
                threading.Thread(target=_answer, args=(server, client, deaf), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket, deaf: threading.Event) -> None:
        with suppress(OSError), client, server:
            while said := client.recv(65536):
                if self.falls_at and self.falls_at in said:
                    deaf.set()
                    self.falls_at = b""
                server.sendall(said)


def _answer(server: socket.socket, client: socket.socket, deaf: threading.Event) -> None:
    with suppress(OSError):
        while said := server.recv(65536):
            if not deaf.is_set():
                client.sendall(said)


@contextmanager
def silence(database_url: str) -> Iterator[tuple[Silence, str]]:
    """The network between, and the database's URL through it."""
    port = urlsplit(database_url).port or 5432
    made = Silence(port)
    try:
        yield made, database_url.replace(f":{port}/", f":{made.port}/")
    finally:
        made.close()
