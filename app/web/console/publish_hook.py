"""The publish hook's last result, as text."""

from dataclasses import dataclass

from app.publish.hook_run import RETRY_SECONDS, HookRun, last_run
from app.settings import Settings
from app.vocabulary import Role
from app.web.console import times


@dataclass(frozen=True, slots=True)
class HookReport:
    """The last run as the overview shows it."""

    sentence: str
    is_bad: bool = False
    output: str = ""


def publish_hook(settings: Settings, slug: str, role: Role | None) -> HookReport | None:
    """The report on a page; None without a hook, or for people who aren't admins: its output may hold secrets."""
    if not settings.publish_hook or role is not Role.ADMIN:
        return None
    last = last_run(settings.home, slug)
    if last is None:
        return HookReport("It has not run yet: the worker runs it after the next publish.")
    head = f"{'Ran' if last.succeeded else 'Failed'} at {times.utc(last.began_at)}"
    ran = f"{head}, took {last.seconds:.1f} s, {last.ending}."
    return HookReport(ran if last.succeeded else f"{ran} {_what_next(last)}", not last.succeeded, last.output)


def _what_next(last: HookRun) -> str:
    if last.next_try is None:
        return f"It was tried {last.attempts} times. The next publish runs it again."
    return (
        f"It is tried again at {times.utc(last.next_try)}, {1 + len(RETRY_SECONDS) - last.attempts} more times at most."
    )
