"""The command after each publish: once for what is newest, for so long and no longer, with none of our secrets."""

import json
import os
import stat
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import clock
from app.publish.addresses import Place, write_map
from app.publish.hook_run import FILE, HookRun, last_run
from app.settings import SETTINGS, Settings
from app.worker.command import run_command
from app.worker.publish_hook import PublishHook, run_forever
from tests.conftest import make_settings
from tests.processes import ROOT, running, start
from tests.publish.by_hand import snapshot

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
Hooked = Callable[..., PublishHook]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the commands of these tests leave a trace."""
    return tmp_path / "log"


def settings_of(home: Path, command: str, seconds: int = 60) -> Settings:
    return make_settings(home, publish_hook=command, publish_hook_seconds=seconds)


def publish(settings: Settings, revision: int = 1) -> Path:
    """A new published folder."""
    return snapshot(settings, {"index.html": f"page {revision}"}, revision=revision)


def result(settings: Settings) -> HookRun:
    found = last_run(settings.home)
    assert found is not None
    return found


def until(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)  # polling another process: there is nothing to wait on


def is_alive(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_it_runs_once_for_each_published_folder(home: Path, log: Path) -> None:
    settings = settings_of(
        home, f'echo "$CANDOR_PAGE $CANDOR_REVISION $CANDOR_SNAPSHOT" >> {log}; cat "$CANDOR_SNAPSHOT/index.html"'
    )
    hook = PublishHook(settings)
    assert not hook.work()
    first = publish(settings)
    assert [hook.work(), hook.work()] == [True, False]
    second = publish(settings, 2)
    assert [hook.work(), hook.work()] == [True, False]
    assert log.read_text() == f"default 1 {first}\ndefault 2 {second}\n"
    assert result(settings).output == "page 2"


def test_it_runs_for_each_page(home: Path, log: Path) -> None:
    settings = settings_of(
        home, f'echo "$CANDOR_PAGE $CANDOR_REVISION $CANDOR_SNAPSHOT" >> {log}; test $CANDOR_PAGE = a'
    )
    made = {slug: snapshot(settings, {"index.html": slug}, slug=slug) for slug in ("a", "b")}
    write_map(settings.public_root, [Place("localhost", "", "a"), Place("localhost", "/b", "b")], "a")
    assert [PublishHook(settings).work(), PublishHook(settings).work()] == [True, False]
    assert log.read_text() == f"a 1 {made['a']}\nb 1 {made['b']}\n"
    newer = snapshot(settings, {"index.html": "newer"}, revision=2, slug="a")
    assert PublishHook(settings).work()
    assert log.read_text().splitlines()[2:] == [f"a 2 {newer}"], "a publish of one page runs nothing for another"
    runs = {slug: last_run(settings.home, slug) for slug in made}
    assert {slug: run and (run.revision, run.succeeded) for slug, run in runs.items()} == {
        "a": (2, True),
        "b": (1, False),
    }


def test_publishes_that_come_meanwhile_make_one_more_run_for_the_newest(home: Path, log: Path) -> None:
    settings = settings_of(home, f"echo $CANDOR_REVISION >> {log}")
    for revision in (1, 2, 3):
        publish(settings, revision)
    hook = PublishHook(settings)
    while hook.work():
        pass
    assert log.read_text() == "3\n"


def test_a_restart_does_not_run_it_again_nor_does_a_second_worker(home: Path, log: Path) -> None:
    settings = settings_of(home, f"echo x >> {log}")
    publish(settings)
    second = PublishHook(settings)
    assert PublishHook(settings).work()
    assert not PublishHook(settings).work()
    assert not second.work()
    assert log.read_text() == "x\n"


def test_two_workers_do_not_run_it_at_the_same_time(home: Path, log: Path) -> None:
    settings = settings_of(home, f"echo x >> {log}; while [ ! -e {log}.go ]; do sleep 0.02; done")
    publish(settings)
    thread = threading.Thread(target=PublishHook(settings).work)
    thread.start()
    until(log.exists)
    assert not PublishHook(settings).work()
    Path(f"{log}.go").touch()
    thread.join()
    assert not PublishHook(settings).work()
    assert log.read_text() == "x\n"


def test_a_failure_is_tried_again_after_5_30_and_120_seconds_and_no_more(home: Path) -> None:
    settings = settings_of(home, "echo no; exit 3")
    publish(settings)
    hook = PublishHook(settings)
    due, ran = [NOON], []
    for second in range(900):
        with clock.frozen(NOON + timedelta(seconds=second)):
            hook = PublishHook(settings) if second % 2 else hook  # a restart changes nothing
            if hook.work():
                ran.append(NOON + timedelta(seconds=second))
                now = result(settings)
                assert (now.exit_code, now.attempts) == (3, len(ran))
                due.append(now.ended_at + timedelta(seconds=[5, 30, 120, 0][len(ran) - 1]))
    assert len(ran) == 4
    assert all(timedelta(0) <= at - when < timedelta(seconds=1) for at, when in zip(ran, due, strict=False))
    assert result(settings).next_try is None


def test_a_failure_that_is_mended_ends_the_retries(home: Path, log: Path) -> None:
    settings = settings_of(home, f"test -e {log}")
    publish(settings)
    hook = PublishHook(settings)
    with clock.frozen(NOON):
        assert hook.work()
    log.touch()
    with clock.frozen(NOON + timedelta(seconds=4)):
        assert not hook.work()
    with clock.frozen(NOON + timedelta(seconds=6)):
        assert hook.work()
    assert (result(settings).exit_code, result(settings).attempts) == (0, 2)
    with clock.frozen(NOON + timedelta(days=1)):
        assert not hook.work()


def test_a_newer_publish_takes_the_place_of_a_retry(home: Path, log: Path) -> None:
    settings = settings_of(home, f"echo $CANDOR_REVISION >> {log}; exit 1")
    hook = PublishHook(settings)
    with clock.frozen(NOON):
        publish(settings, 1)
        hook.work()
        publish(settings, 2)
        assert hook.work()
        assert result(settings).attempts == 1
        assert not hook.work()
    assert log.read_text() == "1\n2\n"


def test_after_its_time_the_whole_group_is_killed(home: Path, log: Path) -> None:
    settings = settings_of(home, f"sh -c 'echo $$ >> {log}; sleep 600' & echo $$ >> {log}; echo begun; sleep 600", 1)
    publish(settings)
    begun = time.monotonic()
    assert PublishHook(settings).work()
    assert time.monotonic() - begun < 15
    ended = result(settings)
    assert (ended.exit_code, ended.ending, ended.output) == (None, "timed out", "begun")
    assert ended.seconds >= 1
    ids = [int(line) for line in log.read_text().split()]
    assert len(ids) == 2
    until(lambda: not any(is_alive(one) for one in ids))


def test_a_program_left_in_the_background_is_not_waited_for(log: Path) -> None:
    ended = run_command(f"sleep 600 & echo $! > {log}; echo done", os.environ, 30, lambda: False)
    os.kill(int(log.read_text()), 9)
    assert ended is not None
    assert (ended.exit_code, ended.output) == (0, "done")
    assert ended.seconds < 15


def test_told_to_stop_it_gives_up_and_the_next_start_does_it(home: Path, log: Path) -> None:
    settings = settings_of(home, f"echo $$ >> {log}; test -e {log}.go || sleep 600")
    publish(settings)
    stop = threading.Event()
    thread = threading.Thread(target=run_forever, args=(settings, stop))
    thread.start()
    until(log.exists)
    until(lambda: bool(log.read_text()))
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert not is_alive(int(log.read_text()))
    assert last_run(settings.home) is None
    Path(f"{log}.go").touch()
    assert PublishHook(settings).work()


def test_the_environment_is_ours_without_our_secrets(home: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = ["SECRET_KEY", "DATABASE_URL", "SMTP_URL", "SMS_URL", "TWILIO_AUTH_TOKEN", "PUBLISH_HOOK"]
    assert {row.variable for row in SETTINGS if row.secret} >= set(secret)
    for name in secret:
        monkeypatch.setenv(name, f"hunter2-{name}")
        monkeypatch.setenv(f"{name}_FILE", "/run/hunter2")
    monkeypatch.setenv("RCLONE_CONFIG", "/etc/rclone")
    monkeypatch.setenv("CANDOR_HOME", "elsewhere")
    settings = settings_of(home, f"env > {log}; cat /proc/$$/cmdline /proc/self/environ")
    folder = publish(settings, 7)
    assert PublishHook(settings).work()
    seen = dict(line.split("=", 1) for line in log.read_text().splitlines())
    assert "hunter2" not in log.read_text() + result(settings).output
    assert "env >" not in log.read_text() + result(settings).output
    assert seen["RCLONE_CONFIG"] == "/etc/rclone"
    assert seen["CANDOR_HOME"] == str(settings.home)
    assert (seen["CANDOR_PAGE"], seen["CANDOR_REVISION"], seen["CANDOR_SNAPSHOT"]) == ("default", "7", str(folder))


def test_the_result_is_kept_for_this_user_alone_and_its_output_is_short_and_clean(home: Path) -> None:
    settings = settings_of(
        home,
        r"""head -c 3000000 /dev/zero | tr '\0' a; printf '\033[31mred\033[0m \007\033]0;t\007\377end\r\n'; exit 4""",
    )
    publish(settings, 5)
    with clock.frozen(NOON):
        assert PublishHook(settings).work()
    kept = json.loads((home / FILE).read_text())
    assert stat.S_IMODE((home / FILE).stat().st_mode) == 0o600
    assert (kept["began_at"], kept["exit_code"], kept["attempts"], kept["revision"]) == (NOON.isoformat(), 4, 1, 5)
    assert len(kept["output"]) <= 2000
    assert kept["output"].endswith("aaared \N{REPLACEMENT CHARACTER}end")
    assert not [path.name for path in home.iterdir() if "draft" in path.name]


def test_a_signal_is_said_and_a_result_that_can_not_be_kept_does_not_make_it_run_again(home: Path, log: Path) -> None:
    settings = settings_of(home, f"echo x >> {log}; kill -9 $$")
    publish(settings)
    hook = PublishHook(settings)
    hook.work()
    assert result(settings).ending == "was ended by signal 9"
    (home / FILE).unlink()
    (home / FILE).mkdir()
    publish(settings.with_changes(), 2)
    assert [hook.work(), hook.work()] == [True, False]
    assert log.read_text() == "x\nx\n"


@pytest.mark.faults
@pytest.mark.database
def test_the_worker_runs_it_and_export_works_inside(settings: Settings, tmp_path: Path) -> None:
    publish(settings)
    (settings.home / "secret_key").unlink(missing_ok=True)
    copy = tmp_path / "www"
    hook = {"PUBLISH_HOOK": f"cd {ROOT} && python -m app.cli export {copy} && candor --version"}
    with running(settings, "worker", extra=hook):
        until(lambda: last_run(settings.home) is not None, 60)
    assert result(settings).exit_code == 0, result(settings).output
    assert (copy / "index.html").read_text() == "page 1"
    assert not (settings.home / "secret_key").exists()
    publish(settings, 2)
    assert start(settings, "worker", "--once", extra=hook).wait(60) == 0
    assert (copy / "index.html").read_text() == "page 2"
