"""`candor remote` for all of it at once: sheets, archives, copies and other pages' documents, and planned work."""

import asyncio
import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.actions.accounts.api_tokens import create_token
from app.clock import now
from app.db import session, transaction
from app.models.component import Component
from app.models.delivery import Dispatch, Notice
from app.models.post import Post
from app.models.subscriber import Subscriber
from tests.cli.test_remote import run
from tests.consumers.conftest import Live, live
from tests.factories import ALICE, make_subscriber
from tests.loopback import answering, talking

__all__ = ["live"]
pytestmark = pytest.mark.database
DOCUMENTS = Path(__file__).parent.parent / "data" / "statuspage"


def count(table: type) -> int:
    session().rollback()
    return session().scalar(select(func.count()).select_from(table)) or 0


def told(answer: tuple[int, str]) -> dict[str, object]:
    code, said = answer
    assert code == 0, said
    found: dict[str, object] = json.loads(said)
    return found


def test_subscribers_leave_and_come_back_as_a_sheet(live: Live, page_id: int, tmp_path: Path) -> None:
    make_subscriber(page_id, "https://example.com/hook", "webhook", secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    run(live, "subscribe", "eve@example.com", "--confirmed")
    sheet, secret = tmp_path / "people.csv", tmp_path / "secret.csv"
    assert told(run(live, "subscribers", "export", str(sheet), "--json"))["file"] == str(sheet)
    assert sheet.stat().st_mode & 0o077 == 0, "it holds addresses"
    lines = list(csv.DictReader(io.StringIO(sheet.read_text("utf-8-sig"))))
    assert [line["address"] for line in lines] == ["https://example.com/hook", "eve@example.com"]
    assert "whsec_" not in sheet.read_text()
    assert run(live, "subscribers", "export", str(sheet))[0] == 2, "no file is written over unasked"
    assert run(live, "subscribers", "export", str(secret), "--with-secrets")[0] == 0
    assert "whsec_" in secret.read_text()
    more = tmp_path / "more.csv"
    more.write_text("channel,address\nemail,ann@example.com\npigeon,x\n")
    dry = told(run(live, "subscribers", "import", str(more), "--dry-run", "--json"))
    assert (dry["dry_run"], dry["counts"], count(Subscriber)) == (True, {"taken": 1, "refused": 1}, 2)
    code, said = run(live, "subscribers", "import", str(more))
    assert (code, "1 taken" in said, "line 3" in said, count(Subscriber)) == (0, True, True, 3)
    assert count(Notice) == 0, "nothing is sent to anyone"
    assert told(run(live, "subscribers", "--json"))["counts"], "without a word it counts, as before"


def test_a_page_leaves_as_an_archive_and_comes_back(live: Live, page_id: int, tmp_path: Path) -> None:
    file = tmp_path / "page.zip"
    run(live, "open", "--title", "Slow", "--body", "We look.", "--no-notify")
    assert told(run(live, "archive", str(file), "--json"))["bytes"] == file.stat().st_size
    assert file.stat().st_mode & 0o077 == 0
    with transaction() as writing:
        for row in writing.scalars(select(Component)):
            row.name = "Renamed since"
    kept = told(run(live, "import", "archive", str(file), "--dry-run", "--json"))
    assert kept["counts"]["posts"] == {"kept": 1}  # type: ignore[index]
    assert "posts: 1 kept" in run(live, "import", "archive", str(file))[1]
    broken = tmp_path / "broken.zip"
    broken.write_bytes(file.read_bytes()[:-100])
    code, said = run(live, "import", "archive", str(broken))
    assert (code, "archive" in said.lower(), "/tmp" in said) == (2, True, False), said


def test_a_static_copy_and_documents_from_elsewhere(live: Live, page_id: int, tmp_path: Path) -> None:
    file = tmp_path / "copy.zip"
    assert run(live, "export", str(file))[0] == 0
    with ZipFile(file) as packed:
        assert "index.html" in packed.namelist() and not [name for name in packed.namelist() if "candor-export" in name]
    document = {
        "page": {"id": "kctbh9vrtdwd", "name": "GitHub", "url": "https://x.example", "time_zone": "Etc/UTC"},
        "incidents": [{
            "id": "abcdfghjklmn", "name": "Old trouble", "status": "resolved", "impact": "minor",
            "created_at": "2025-01-01T00:00:00.000Z", "updated_at": "2025-01-01T01:00:00.000Z",
            "resolved_at": "2025-01-01T01:00:00.000Z", "shortlink": "https://stspg.io/x", "page_id": "kctbh9vrtdwd",
            "incident_updates": [{
                "id": "bcdfghjklmnp", "status": "resolved", "body": "Over.", "incident_id": "abcdfghjklmn",
                "created_at": "2025-01-01T01:00:00.000Z", "updated_at": "2025-01-01T01:00:00.000Z",
                "display_at": "2025-01-01T01:00:00.000Z", "affected_components": None,
            }],
        }],
    }  # fmt: skip
    source = tmp_path / "documents"
    source.mkdir()
    (source / "incidents.json").write_text(json.dumps(document))
    assert "Would be: 1 taken" in run(live, "import", "statuspage", str(source), "--dry-run")[1]
    assert count(Post) == 0
    assert told(run(live, "import", "statuspage", str(source), "--json"))["counts"] == {"taken": 1}
    assert "1 unchanged" in run(live, "import", "statuspage", str(source / "incidents.json"))[1]
    session().rollback()
    assert session().scalars(select(Post.public_id)).all() == ["abcdfghjklmn"]
    (source / "incidents.json").write_text("{")
    assert run(live, "import", "statuspage", str(source))[0] == 2
    for name in ("cachet", "instatus", "uptime-kuma"):
        (source / "incidents.json").write_text("{}")
        assert run(live, "import", name, str(source))[0] in {0, 2}


def test_planned_work_from_its_announcement_to_its_end(live: Live, page_id: int) -> None:
    start, end = (now() + timedelta(hours=hours) for hours in (1, 2))
    said = ("schedule", "--title", "Disk swap", "--from", start.isoformat(), "--until", end.isoformat())
    ids = []
    for key in ("k-1", "k-2"):
        made = told(
            run(live, "maintenance", *said, "--key", key, "--component", f"{live.component}=operational", "--json")
        )
        ids.append(made["post"]["id"])  # type: ignore[index]
    first, second = ids
    assert all(one in run(live, "maintenance", "list")[1] for one in ids)
    assert "in_progress" in run(live, "maintenance", "start", first, "--body", "We begin.")[1]
    assert "under_maintenance" in run(live, "components")[1]
    assert "completed" in run(live, "maintenance", "complete", first)[1]
    before = count(Dispatch)
    assert run(live, "maintenance", "cancel", second, "--body", "The part did not come.")[0] == 0
    assert count(Dispatch) == before + 1, "who was told of it is told that it is off"
    session().rollback()
    assert session().scalars(select(Post.status).order_by(Post.id)).all() == ["completed", "cancelled"]
    assert run(live, "maintenance", "list") == (0, "No maintenance.\n")
    outage = told(run(live, "open", "--title", "Slow", "--body", "We look.", "--json"))
    public_id = outage["post"]["id"]  # type: ignore[index]
    assert run(live, "maintenance", "cancel", public_id)[0] == 2, "an incident is not called off"
    assert run(live, "maintenance", "schedule", "--title", "x", "--from", "soon", "--until", "later")[0] == 2


def test_what_a_token_may_not_take_along(live: Live, app: Flask, page_id: int, tmp_path: Path) -> None:
    def may(*scopes: str) -> dict[str, str]:
        return {"CANDOR_REMOTE_TOKEN": create_token(ALICE, name=f"may {scopes}", scopes=scopes)[1]}

    file, people = tmp_path / "x", may("subscribers")
    file.write_text("channel,address\n")
    for words, token in (
        (("subscribers", "export", str(tmp_path / "y")), people),
        (("subscribers", "export", str(tmp_path / "y"), "--with-secrets"), people),
        (("archive", str(tmp_path / "y")), people),
        (("import", "archive", str(file)), people),
        (("import", "statuspage", str(DOCUMENTS)), people),
        (("subscribers", "export", str(tmp_path / "y")), may("posts")),
        (("subscribers", "import", str(file)), may("read")),
    ):
        code, said = run(live, *words, **token)
        assert (code, "scope" in said) == (2, True), (words, said)
    assert not (tmp_path / "y").exists(), "what was refused leaves no file"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["x"]


def test_an_answer_that_breaks_off_leaves_no_file(page_id: int, app: Flask, tmp_path: Path) -> None:
    def half(environ: dict[str, object], start_response: object) -> list[bytes]:
        body = b"PK only the beginning"
        if str(environ["PATH_INFO"]).endswith("/pages"):
            body = b'[{"id": "onlypage1234"}]'
            start_response("200 OK", [("Content-Type", "application/json")])  # type: ignore[operator]
            return [body]
        start_response("200 OK", [("Content-Length", "1000"), ("Content-Type", "application/zip")])  # type: ignore[operator]
        return [body]

    with answering(half) as url:  # type: ignore[arg-type]
        other = Live(url, "candor_token", "onlypage1234", "")
        code, said = run(other, "archive", str(tmp_path / "page.zip"))
    assert (code, "closed the connection early" in said) == (75, True), said
    assert not list(tmp_path.glob("*page.zip*"))


def test_a_file_that_is_refused_before_it_was_read_says_why(page_id: int, app: Flask, tmp_path: Path) -> None:
    (tmp_path / "page.zip").write_bytes(b"PK" + bytes(20_000_000))
    problem = b'{"detail": "That is larger than 5 MB."}'

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        status, body = "413 Too large", problem
        if asked.startswith(b"GET"):
            status, body = "200 OK", b'[{"id": "onlypage1234"}]'
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    with talking(refuse) as port:
        other = Live(f"http://127.0.0.1:{port}", "candor_token", "onlypage1234", "")
        code, said = run(other, "import", "archive", str(tmp_path / "page.zip"))
    assert (code, "larger than 5 MB" in said) == (2, True), said
