"""Each subscriber gets a letter in their language and time zone; each kind of dispatch says what it is."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app import clock
from app.actions.posts.publishing import open_post
from app.channels.names import CHAT, EMAIL, PUSH, SMS, WEBHOOK
from app.channels.registry import all_channels
from app.db import session
from app.deliver import letters as letters_module
from app.deliver.letters import LANGUAGES_KEPT, Letters
from app.models.delivery import Dispatch
from app.publish import letter as words
from app.settings import Settings
from app.shapes import Letter
from app.vocabulary import DispatchKind, Language
from app.worker.loop import drain
from tests.deliver.conftest import draft
from tests.deliver.fakes import Edge
from tests.deliver.test_kinds import newest
from tests.factories import LENA, make_subscriber

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def opened(settings: Settings, page_id: int) -> None:
    open_post(settings, LENA, page_id, draft(next_update_by=clock.now() + timedelta(minutes=30)))


def test_one_update_goes_out_in_each_language_and_zone(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    people = {
        "plain@example.com": ("", ""),
        "anna@example.com": ("de-AT", "Europe/Vienna"),
        "aiko@example.com": ("ja", "Asia/Tokyo"),
        "amal@example.com": ("ar", ""),
        "else@example.com": ("xx", "Mars/Base"),
    }
    with clock.frozen(NOON):
        for address, (locale, zone) in people.items():
            make_subscriber(page_id, address, locale=locale, time_zone=zone)
        opened(settings, page_id)
        drain(settings)
    got = dict(edge.sent)
    assert got.keys() == people.keys()
    assert "Next update by 12:30 UTC" in got["plain@example.com"].text
    assert "Nächste Meldung bis 13:30 CET" in got["anna@example.com"].text
    assert "Wird untersucht, 01.03.2026, 13:00 CET" in got["anna@example.com"].text
    assert "Abonnement verwalten:\n{{manage_url}}" in got["anna@example.com"].text
    assert '<html lang="de" dir="ltr">' in got["anna@example.com"].html
    assert "13:30 CET" in got["anna@example.com"].html
    assert "21:30 JST" in got["aiko@example.com"].text and "調査中" in got["aiko@example.com"].html
    assert '<html lang="ar" dir="rtl">' in got["amal@example.com"].html
    assert got["else@example.com"].text == got["plain@example.com"].text
    assert not any("\x02" in letter.text + letter.html for letter in got.values())


def in_kind(settings: Settings, channel: str, kind: DispatchKind, language: Language = Language.ENGLISH) -> Letter:
    return words.word(settings, words.read_words(session(), newest().id), channel, language, kind)


@pytest.mark.parametrize("kind", list(DispatchKind))
@pytest.mark.parametrize("channel", [EMAIL, SMS, CHAT, PUSH])
def test_each_kind_says_what_it_is_on_each_channel(
    app: Flask, settings: Settings, page_id: int, channel: str, kind: DispatchKind
) -> None:
    with clock.frozen(NOON):
        opened(settings, page_id)
        made = in_kind(settings, channel, kind)
        update = in_kind(settings, channel, DispatchKind.UPDATE)
    said = made.subject + made.text + made.html + made.payload.decode()
    word = {
        DispatchKind.UPDATE: "Investigating",
        DispatchKind.CORRECTION: "Correction",
        DispatchKind.WITHDRAWAL: "Withdrawn",
        DispatchKind.REMINDER: "Reminder",
        DispatchKind.POSTMORTEM: "Post-mortem",
        DispatchKind.NOTICE: "Notice",
    }[kind]
    assert word in said and "Slow answers" in said
    assert ("We are looking" in said) is (kind is not DispatchKind.WITHDRAWAL), "what was withdrawn is not repeated"
    if kind is DispatchKind.WITHDRAWAL:
        assert "Disregard what it said." in said and "Next update" not in said
    if channel == EMAIL and kind is not DispatchKind.UPDATE:
        assert made.subject == f"[Acme Status] {word}: Slow answers"
        assert made.message_id != update.message_id and made.in_reply_to == update.message_id


@pytest.mark.parametrize("language", [one for one in Language if one is not Language.ENGLISH])
@pytest.mark.parametrize("kind", list(DispatchKind))
def test_no_kind_is_left_in_english(
    app: Flask, settings: Settings, page_id: int, language: Language, kind: DispatchKind
) -> None:
    with clock.frozen(NOON):
        opened(settings, page_id)
        for channel in (EMAIL, SMS, CHAT, PUSH):
            said = in_kind(settings, channel, kind, language)
            shown = said.subject + said.text + said.html + said.payload.decode()
            for english in ("Investigating", "Correction:", "Withdrawn", "Reminder:", "Unsubscribe", "Next update by"):
                assert english not in shown, (channel, english)


def test_the_cache_holds_every_language_on_every_channel(
    app: Flask, settings: Settings, page_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(settings, page_id)
    dispatch = session().query(Dispatch).one().id
    kept = Letters(settings)
    channels = [one.name for one in all_channels()]
    assert LANGUAGES_KEPT >= 24 > len(Language)
    first = {
        (name, language): kept.of_dispatch(session(), dispatch, name).letter(language)
        for name in channels
        for language in Language
    }
    monkeypatch.setattr(letters_module.words, "open_letter", None)  # nothing is worded a second time
    for (name, language), letter in first.items():
        assert kept.of_dispatch(session(), dispatch, name).letter(language) is letter


def test_a_webhook_reads_the_same_in_every_language(app: Flask, settings: Settings, page_id: int) -> None:
    with clock.frozen(NOON):
        opened(settings, page_id)
        assert len({in_kind(settings, WEBHOOK, DispatchKind.UPDATE, one).payload for one in Language}) == 1
