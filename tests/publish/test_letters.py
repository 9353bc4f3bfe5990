"""The words of mail: what happened, to what, and when to expect more; in windows of 72 columns too."""

import re
from datetime import timedelta

import html5lib
import pytest
from flask import Flask
from sqlalchemy import select

from app.actions.posts.correcting import correct_update
from app.actions.posts.publishing import open_post, publish_update
from app.clock import now
from app.db import session
from app.models.post import Update
from app.publish import letter
from app.publish.line_wrapping import fold_markdown
from app.publish.snapshot import read_page
from app.settings import Settings
from app.shapes import ComponentEffect, Letter, UpdateDraft
from app.vocabulary import ComponentStatus, NoticeKind, PostKind, PostStatus
from tests.deliver.conftest import draft
from tests.factories import LENA, make_component

pytestmark = pytest.mark.database
LONG = "word " * 40
CODE = "curl -H 'X-Long: " + "y" * 90 + "' https://api.example.com/things"


def mails(settings: Settings) -> list[Letter]:
    session().rollback()
    ids = session().scalars(select(Update.id).order_by(Update.id)).all()
    return [letter.word(settings, letter.read_words(session(), one), "email") for one in ids]


def shown(html: str) -> str:
    """The words of a mail, a block a line."""
    root = html5lib.parse(html, namespaceHTMLElements=False)
    blocks = [one for one in root.iter() if one.tag in {"h1", "p", "li"}]
    return "\n".join(" ".join(" ".join(one.itertext()).split()) for one in blocks)


def test_what_changed_is_named_with_its_shape_and_what_did_not_as_affected(
    app: Flask, settings: Settings, page_id: int
) -> None:
    api, web = make_component(page_id, "API"), make_component(page_id, "Web", ComponentStatus.DEGRADED_PERFORMANCE)
    effects = (
        ComponentEffect(api, ComponentStatus.MAJOR_OUTAGE), ComponentEffect(web, ComponentStatus.DEGRADED_PERFORMANCE),
    )  # fmt: skip
    open_post(settings, LENA, page_id, draft(effects=effects, next_update_by=now() + timedelta(minutes=30)))
    (mail,) = mails(settings)
    assert "■ Investigating" in shown(mail.html)
    assert "API ■ Major outage" in shown(mail.html)
    assert "- API: Major outage\n\nAffects Web\n\nNext update by" in mail.text


def test_sixty_components_are_told_by_status(app: Flask, settings: Settings, page_id: int) -> None:
    kinds = (ComponentStatus.PARTIAL_OUTAGE, ComponentStatus.MAJOR_OUTAGE)
    made = [make_component(page_id, f"Part {number:02}") for number in range(60)]
    effects = tuple(ComponentEffect(one, kinds[number % 2]) for number, one in enumerate(made))
    open_post(settings, LENA, page_id, draft(effects=effects))
    (mail,) = mails(settings)
    told = shown(mail.html)
    assert told.index("■ Major outage (30)") < told.index("◐ Partial outage (30)")
    assert len(re.findall(r"Part\s+\d\d", mail.text)) == 60
    assert len(mail.html) < 20_000


def test_planned_work_says_when_and_promises_nothing_else(app: Flask, settings: Settings, page_id: int) -> None:
    begins = now() + timedelta(days=2)
    planned = draft(
        kind=PostKind.MAINTENANCE, status=PostStatus.SCHEDULED, scheduled_for=begins,
        scheduled_until=begins + timedelta(hours=2), effects=(ComponentEffect(make_component(page_id), None),),
    )  # fmt: skip
    made = open_post(settings, LENA, page_id, planned)
    said = UpdateDraft(PostStatus.CANCELLED, "We do it another time.", "key-00000002", 1)
    publish_update(settings, LENA, page_id, made.post_id, said)
    first, second = mails(settings)
    assert "◆ Scheduled" in shown(first.html) and "○ Cancelled" in shown(second.html)
    for mail in (first, second):
        assert "Planned from " in mail.text and "Planned from " in shown(mail.html)
        assert "Next update" not in mail.text + mail.html
    assert "Affects API" in first.text and "Operational" not in first.text


def test_a_correction_says_so(app: Flask, settings: Settings, page_id: int) -> None:
    made = open_post(settings, LENA, page_id, draft(body="Since 10:41."))
    correct_update(settings, LENA, page_id, made.update_id, "Since 10:31.", 1)
    (mail,) = mails(settings)
    assert re.search(r"UTC Corrected at \d\d:\d\d UTC", shown(mail.html))
    assert re.search(r"\nCorrected at \d\d:\d\d UTC\n", mail.text)
    assert "10:41" not in mail.text + mail.html


def test_the_text_is_no_wider_than_a_terminal_but_for_what_can_not_be_broken(
    app: Flask, settings: Settings, page_id: int
) -> None:
    body = f"{LONG}\n\n- {LONG}\n\n```\n{CODE}\n```\n\n| a | b |\n|---|---|\n| {'c ' * 40}| d |"
    open_post(settings, LENA, page_id, draft(title=LONG, body=body))
    texts = [mails(settings)[0].text]
    page = read_page(session(), page_id)
    texts += [letter.confirmation(settings, page, "email", kind).text for kind in NoticeKind]
    wide = {line[:9] for text in texts for line in text.split("\n") if len(line) > 72}
    assert wide == {CODE[:9], "| c c c c"}
    assert CODE in texts[0]
    assert "\n  word word" in texts[0], "an item stays indented"
    assert all("\n-- \n" in text for text in texts), "mail programs know a signature by this line"


def test_code_is_kept_whole_and_fences_are_not_shown() -> None:
    assert fold_markdown(f"Try **this**:\n\n```sh\n  {CODE}\n```\nThen wait.") == f"Try this:\n\n  {CODE}\n\nThen wait."
    assert fold_markdown(f"```\n{CODE}") == CODE
    assert fold_markdown("```SELECT 1``` is slow.\n\nWe **work** on it.") == "SELECT 1 is slow.\n\nWe work on it."
    assert fold_markdown("- ```sh\n  ls\n  ```\n\nThen **wait**.") == "  ls\n\nThen wait."
    assert fold_markdown("") == ""
