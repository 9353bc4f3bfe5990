"""Page requests a second of `candor web`, beside nginx serving the same bytes, by wrk in the same run."""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.actions.sample import load as load_sample
from app.shapes import COMMAND_LINE
from bench.house import installation, report
from tests.processes import free_port, running, wait_until_up

NGINX = """
worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off; {user}
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000; open_file_cache max=100;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {root};
    location / {{ default_type text/html; try_files /index.html =404; }} }} }}
"""


@contextmanager
def nginx(root: Path, port: int) -> Iterator[None]:
    """nginx with two workers, serving `root`/index.html."""
    with tempfile.TemporaryDirectory(prefix="candor-nginx-") as folder:
        Path(folder).chmod(0o755)
        configuration = Path(folder) / "nginx.conf"
        user = "user root;" if os.getuid() == 0 else ""
        configuration.write_text(NGINX.format(folder=folder, port=port, root=root, user=user))
        process = subprocess.Popen(["nginx", "-c", str(configuration), "-p", folder])
        try:
            wait_until_up(port)
            yield
        finally:
            process.terminate()
            process.wait(10)


def requests_per_second(port: int, connections: int, seconds: int) -> float:
    """What wrk counts; a run with an error or a status other than 2xx stops the benchmark."""
    command = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", f"http://127.0.0.1:{port}/"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        print(said)
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", said)[0])


def main(seconds: int = 3, rounds: int = 3) -> None:
    with installation(PORT=str(free_port())) as (_, settings, page_id):
        load_sample(settings, COMMAND_LINE, page_id)
        served = settings.home / "served"
        served.mkdir()
        shutil.copyfile((settings.public_root / "default" / "current" / "index.html"), served / "index.html")
        port = free_port()
        with nginx(served, port), running(settings, "web", extra={"WEB_WORKERS": "2"}):
            wait_until_up(settings.port)
            for connections in (64, 1000):
                ours, theirs = [], []
                for _ in range(rounds):
                    ours.append(requests_per_second(settings.port, connections, seconds))
                    theirs.append(requests_per_second(port, connections, seconds))
                figures = {
                    "candor": (statistics.median(ours), "requests/s"),
                    "nginx": (statistics.median(theirs), "requests/s"),
                }
                report(f"GET / at {connections} connections, medians of {rounds}", figures, ("candor", "nginx"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
