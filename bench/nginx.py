"""Two nginx to measure against: a bare one over the same files, and the one that `deploy/nginx.conf` describes."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.publish.artifact import FRESH, SECURITY
from app.settings import Settings
from tests.processes import ROOT, wait_until_up

FRAME = """
worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off; {user}
events {{ worker_connections 4096; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {rest}
}}
"""
BARE = """open_file_cache {cache}; open_file_cache_valid 1s;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {root}; gzip_static on; gzip_vary on; charset utf-8; {headers}
    location / {{ default_type text/html; try_files /index.html =404; }} }}"""


@contextmanager
def bare(settings: Settings, port: int, cache: str = "off") -> Iterator[None]:
    """nginx with nothing to decide: one file of the snapshot, precompressed, with the headers that Candor sends.

    It shows a publish at once; with a `cache` of open files it does so a second later.
    """
    lines = "\n".join(f'    add_header {name} "{value}";' for name, value in [("Cache-Control", FRESH), *SECURITY])
    root = settings.public_root / "default" / "current"
    with _running(BARE.format(port=port, root=root, headers=lines, cache=cache), port):
        yield


@contextmanager
def shipped(settings: Settings, port: int, host: str = "", base: str = "") -> Iterator[None]:
    """`deploy/nginx.conf` as it is, but for its port, certificate, folder and the application's address.

    With a `host` all requests are for it; with a `base`, such as "/status", Candor is below that path.
    """
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    text = re.sub(r"server \{\s+listen 80;.*?\n\}\n", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r"listen \[::\]:443 ssl;|ssl_certificate\S*\s[^;]+;", "", text)
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} backlog=4096;")
    text = text.replace("server 127.0.0.1:8000;", f"server 127.0.0.1:{settings.port};")
    text = text.replace("/var/lib/candor/public", str(settings.public_root))
    text = text.replace("server_name status.example.com;", "server_name _;")
    if host:
        text = text.replace("/hosts/$host", f"/hosts/{host}")
    if base:
        text = re.sub(r"^    #(?=if|    |\})", "    ", text, flags=re.MULTILINE)
        text = text.replace("/status/eu|/status", base)
    with _running(text, port):
        yield


@contextmanager
def _running(rest: str, port: int) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="candor-nginx-") as folder:
        Path(folder).chmod(0o755)
        configuration = Path(folder) / "nginx.conf"
        user = "user root;" if os.getuid() == 0 else ""
        configuration.write_text(FRAME.format(folder=folder, user=user, rest=rest))
        environ = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
        process = subprocess.Popen(["nginx", "-c", str(configuration), "-p", folder], env=environ)
        try:
            wait_until_up(port)
            yield
        finally:
            process.terminate()
            process.wait(10)
