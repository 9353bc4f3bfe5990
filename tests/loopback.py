"""Servers of the tests' own on loopback, each in a thread for the length of a block."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class _Quiet(WSGIRequestHandler):
    def log(self, *_args: Any) -> None:
        """Say nothing."""


@contextmanager
def answering(app: Any) -> Iterator[str]:
    """The address at which this WSGI application answers, where browsers allow what they else want https for."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def talking(talk: Talk, address: str = "127.0.0.1") -> Iterator[int]:
    """The port on which `talk` is held with each who connects; talks that go on are cut off at the end."""
    loop = asyncio.new_event_loop()
    started, stopping, port = threading.Event(), asyncio.Event(), 0

    async def serve() -> None:
        nonlocal port
        server = await asyncio.start_server(talk, address, 0, limit=2**20)
        port = server.sockets[0].getsockname()[1]
        started.set()
        await stopping.wait()
        server.close()
        talks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)
