"""The publish hook on the overview: what became of it, for admins alone, because its output may hold secrets."""

from datetime import UTC, datetime, timedelta

import pytest

from app import clock
from app.clock import now
from app.publish.hook_run import HookRun, keep
from app.settings import Settings
from tests.web.console.person import Person, text_of

pytestmark = pytest.mark.database
OUTPUT = "rclone: <b>token</b> hunter2"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An installation with a hook."""
    return settings.with_changes(publish_hook="candor export /srv/www")


def ran(settings: Settings, exit_code: int | None = 0, attempts: int = 1, output: str = OUTPUT) -> datetime:
    began_at = now().replace(microsecond=0)
    keep(settings.home, HookRun("0000000001-x", 1, began_at, 1.23, exit_code, attempts, output))
    return began_at


def test_before_the_first_run(settings: Settings, alice: Person) -> None:
    assert "Publish hook It has not run yet" in text_of(alice.open("/console/default"))


def test_a_run_that_went_well(settings: Settings, alice: Person) -> None:
    at = ran(settings)
    assert f"Ran at {at:%H:%M} UTC, took 1.2 s, ended with 0." in text_of(alice.open("/console/default"))


@pytest.mark.parametrize(
    ("exit_code", "ending"), [(3, "ended with 3"), (None, "timed out"), (-9, "was ended by signal 9")]
)
def test_a_failure_with_its_output(settings: Settings, alice: Person, exit_code: int | None, ending: str) -> None:
    at = ran(settings, exit_code, attempts=2)
    page = alice.open("/console/default")
    again = f"{at + timedelta(seconds=31):%H:%M} UTC"
    said = f"Failed at {at:%H:%M} UTC, took 1.2 s, {ending}. It is tried again at {again}, 2 more times at most."
    assert said in text_of(page)
    assert '<pre class="words">rclone: &lt;b&gt;token&lt;/b&gt; hunter2</pre>' in page


def test_after_the_last_attempt_it_waits_for_the_next_publish(settings: Settings, alice: Person) -> None:
    ran(settings, 3, attempts=4)
    assert "It was tried 4 times. The next publish runs it again." in text_of(alice.open("/console/default"))


def test_a_file_that_makes_no_sense_is_no_run(settings: Settings, alice: Person) -> None:
    (settings.home / "publish_hook.json").write_text('{"folder": 1}')
    assert "It has not run yet" in text_of(alice.open("/console/default"))


@pytest.mark.parametrize("who", ["lena", "ravi", "vera"])
def test_nobody_else_sees_any_of_it(settings: Settings, who: str, request: pytest.FixtureRequest) -> None:
    person: Person = request.getfixturevalue(who)
    ran(settings, 3)
    page = person.open("/console/default")
    assert "hunter2" not in page and "Publish hook" not in page


def test_without_the_setting_there_is_nothing(settings: Settings, alice: Person) -> None:
    ran(settings, 3)
    alice_without = alice.client._client.application
    alice_without.config["SETTINGS"] = settings.with_changes(publish_hook="")
    assert "Publish hook" not in alice.open("/console/default")


def test_yesterday_is_said_with_its_day(settings: Settings, alice: Person) -> None:
    with clock.frozen(datetime(2026, 3, 10, 14, 30, tzinfo=UTC)):
        ran(settings)
    assert "Ran at 10 Mar 2026, 14:30 UTC" in text_of(alice.open("/console/default"))
