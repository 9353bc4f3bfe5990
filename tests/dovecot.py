"""A real IMAP server, Dovecot, in a temporary folder and as nobody in particular, for the length of a block."""

import getpass
import grp
import imaplib
import os
import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.certificates import certified
from tests.processes import free_port

PROGRAM = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin")
PASSWORD = "p@ss/word:ü"
COMMON = """
base_dir = {home}/run
state_dir = {home}/run
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
ssl = required
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
"""
UNTIL_2_3 = """
ssl_cert = <{home}/server.pem
ssl_key = <{home}/server.key
mail_location = maildir:{home}/mail/%u
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={home}/mail/%u
}}
"""
SINCE_2_4 = """
ssl_server_cert_file = {home}/server.pem
ssl_server_key_file = {home}/server.key
mail_driver = maildir
mail_path = {home}/mail/%{{user}}
passdb static {{
  password = {password}
}}
userdb static {{
  fields {{
    uid = {user}
    gid = {group}
    home = {home}/mail/%{{user}}
  }}
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """Everybody has a mailbox here, with the same password."""

    port: int
    tls_port: int

    def url(self, user: str, folder: str = "INBOX", password: str = PASSWORD, *, scheme: str = "imaps") -> str:
        """The setting that reads a folder."""
        port = self.tls_port if scheme == "imaps" else self.port
        return f"{scheme}://{quote(user)}:{quote(password, safe='')}@127.0.0.1:{port}/{quote(folder)}"

    def put(self, user: str, *messages: bytes, folder: str = '"INBOX"', flags: str = "") -> None:
        """Deliver messages; `folder` as IMAP writes it."""
        with self._open(user) as imap:
            imap.create(folder)
            for message in messages:
                assert imap.append(folder, flags, "", message.replace(b"\n", b"\r\n"))[0] == "OK"

    def subjects(self, user: str, folder: str = '"INBOX"') -> list[tuple[str, bool]]:
        """The subject of each message that is there, and whether it was seen."""
        with self._open(user) as imap:
            imap.select(folder, readonly=True)
            _, found = imap.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            return [
                (part[1].decode().strip().removeprefix("Subject: "), b"\\Seen" in part[0])
                for part in found
                if isinstance(part, tuple)
            ]

    def _open(self, user: str) -> imaplib.IMAP4_SSL:
        context = ssl.create_default_context(cafile=str(certified()[0]))
        imap = imaplib.IMAP4_SSL("127.0.0.1", self.tls_port, ssl_context=context, timeout=10)
        imap.authenticate("PLAIN", lambda _: f"\0{user}\0{PASSWORD}".encode())
        return imap


@contextmanager
def dovecot() -> Iterator[Dovecot]:
    """A running server; nothing of it is left afterwards."""
    assert PROGRAM is not None
    made = Dovecot(free_port(), free_port())
    user = "nobody" if os.getuid() == 0 else getpass.getuser()
    group = grp.getgrgid(_group(user)).gr_name
    with tempfile.TemporaryDirectory(prefix="candor-dovecot-") as folder:
        home = Path(folder)
        for path in certified():
            shutil.copy(path, home)
        facts = {"home": home, "user": user, "group": group, "password": PASSWORD}
        configuration = home / "dovecot.conf"
        configuration.write_text(_configuration().format(port=made.port, tls_port=made.tls_port, **facts))
        for name in ("run", "mail"):
            (home / name).mkdir()
        if os.getuid() == 0:
            for path in (home, *home.iterdir()):
                shutil.chown(path, user, group)
        drop = {"user": user, "group": group, "extra_groups": []} if os.getuid() == 0 else {}
        process = subprocess.Popen([PROGRAM, "-F", "-c", str(configuration)], stderr=subprocess.PIPE, **drop)  # type: ignore[call-overload]
        try:
            _wait(made, process)
            yield made
        finally:
            process.terminate()
            process.wait(10)
            process.stderr.close()


def _configuration() -> str:
    """Dovecot 2.4 renamed its settings, and wants to be told first which version's names follow."""
    said = subprocess.run([str(PROGRAM), "--version"], capture_output=True, text=True, check=True).stdout
    version = said.split()[0].partition("-")[0]  # Debian appends its own revision
    if tuple(int(part) for part in version.split(".")[:2]) < (2, 4):
        return COMMON + UNTIL_2_3
    return f"dovecot_config_version = {version}\ndovecot_storage_version = {version}\n{COMMON}{SINCE_2_4}"


def _group(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


def _wait(made: Dovecot, process: "subprocess.Popen[bytes]") -> None:
    """Until somebody can sign in."""
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError, imaplib.IMAP4.error):
            made.subjects("probe")
            return
        time.sleep(0.05)
    assert process.stderr is not None
    raise AssertionError(f"Dovecot does not answer: {process.stderr.read().decode() if process.poll() else ''}")
