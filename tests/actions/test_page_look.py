"""The page's look: its languages, its color and its logo."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.actions.pages import pages
from app.actions.posts.publishing import open_post
from app.db import session
from app.errors import Invalid, NotFound
from app.guard.contrast import contrast
from app.models.audit import AuditEntry
from app.models.page import Page, PageLogo
from app.publish.snapshot import read_page
from app.settings import Settings
from app.vocabulary import ALL_LANGUAGES, Language
from tests import pictures
from tests.deliver.conftest import draft
from tests.factories import ALICE, make_page

pytestmark = pytest.mark.database


@pytest.fixture
def page_id(app: Flask) -> int:
    """A page in all languages, as one is when it is made."""
    return make_page(languages=ALL_LANGUAGES)


def page(page_id: int) -> Page:
    session().rollback()
    return session().get_one(Page, page_id)


def edit(settings: Settings, page_id: int, **fields: Any) -> None:
    pages.edit_page(settings, ALICE, page_id, **fields)


def test_what_is_not_given_stays_as_it_is(settings: Settings, page_id: int) -> None:
    edit(settings, page_id, name="Novel Status", url="", time_zone="Asia/Tokyo", locale="ja")
    edit(settings, page_id, languages=["de"], accent="#0A5C36")
    row = page(page_id)
    assert (row.name, row.time_zone, row.locale) == ("Novel Status", "Asia/Tokyo", "ja")
    assert (row.languages, row.accent) == ("de,ja", "#0a5c36")
    edit(settings, page_id, name="Acme Status")
    row = page(page_id)
    assert (row.name, row.locale, row.languages, row.accent) == ("Acme Status", "ja", "de,ja", "#0a5c36")
    edit(settings, page_id, accent="", languages=[])
    assert (page(page_id).languages, page(page_id).accent) == ("ja", "")


def test_the_own_language_is_always_offered_and_comes_first(settings: Settings, page_id: int) -> None:
    edit(settings, page_id, locale="fr", languages=["en", "de"])
    session().rollback()
    assert read_page(session(), page_id).languages == (Language.FRENCH, Language.ENGLISH, Language.GERMAN)
    edit(settings, page_id, locale="es")
    session().rollback()
    assert read_page(session(), page_id).language is Language.SPANISH


@pytest.mark.parametrize("color", ["#1f4f8f", "#000000", "#b3261e", " #8A6100 ", "#737373"])
def test_a_color_that_can_be_read_is_taken(settings: Settings, page_id: int, color: str) -> None:
    edit(settings, page_id, accent=color)
    assert page(page_id).accent == color.strip().lower()


@pytest.mark.parametrize("color", ["#ffffff", "#ffff00", "#9cc2f5", "#777777", "#767676"])
def test_a_color_that_is_too_light_is_refused_with_one_that_is_not(
    settings: Settings, page_id: int, color: str
) -> None:
    with pytest.raises(Invalid, match="too light to read") as caught:
        edit(settings, page_id, accent=color)
    proposed = caught.value.fields["accent"].rpartition(" ")[2].rstrip(".")
    assert min(contrast(proposed, "#fbfaf7"), contrast(proposed, "#ffffff")) >= 4.5
    edit(settings, page_id, accent=proposed)
    assert page(page_id).accent == proposed


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"accent": "red"}, ["accent"]),
        ({"accent": "#fff"}, ["accent"]),
        ({"accent": "#1f4f8f;}"}, ["accent"]),
        ({"locale": "pt"}, ["locale"]),
        ({"locale": ""}, ["locale"]),
        ({"languages": ["en", "xx"]}, ["languages"]),
        ({"name": "", "url": "nowhere", "time_zone": "Mars"}, ["name", "url", "time_zone"]),
    ],
    ids=range(7),
)
def test_everything_that_is_wrong_is_said_at_once_and_nothing_changes(
    settings: Settings, page_id: int, fields: dict[str, Any], wrong: list[str]
) -> None:
    with pytest.raises(Invalid) as caught:
        edit(settings, page_id, **fields)
    assert list(caught.value.fields) == wrong
    assert page(page_id).revision == 1


def test_everything_is_made_anew_in_the_new_color(settings: Settings, page_id: int) -> None:
    made = open_post(settings, ALICE, page_id, draft())
    edit(settings, page_id, accent="#0a5c36")
    row = page(page_id)
    assert row.rebuild_revision == row.revision
    lasting = settings.public_root / "default" / "lasting"
    (style,) = {path.name for path in lasting.rglob("candor-*.css") if "#0a5c36" in path.read_text()}
    assert style in (lasting / f"incidents/{made.post_id}.html").read_text()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(pictures.PNG, "image/png"), (pictures.JPEG, "image/jpeg"), (pictures.LOSSLESS, "image/webp")],
    ids=["png", "jpeg", "webp"],
)
def test_a_logo_is_kept_as_it_was_given(settings: Settings, page_id: int, body: bytes, content_type: str) -> None:
    pages.set_logo(settings, ALICE, page_id, pictures.LOSSY)
    pages.set_logo(settings, ALICE, page_id, body)
    session().rollback()
    logo = session().scalars(select(PageLogo)).one()
    assert (logo.content_type, logo.body) == (content_type, body)
    assert page(page_id).rebuild_revision == page(page_id).revision == 3
    named = read_page(session(), page_id).logo
    assert named is not None
    assert named.name in (settings.public_root / "default" / "current" / "index.html").read_text()


def test_a_logo_is_taken_away_once(settings: Settings, page_id: int) -> None:
    pages.set_logo(settings, ALICE, page_id, pictures.PNG)
    pages.remove_logo(settings, ALICE, page_id)
    pages.remove_logo(settings, ALICE, page_id)
    assert page(page_id).revision == 3
    assert read_page(session(), page_id).logo is None
    verbs = list(session().scalars(select(AuditEntry.verb).order_by(AuditEntry.id)))
    assert verbs == ["set logo", "remove logo"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Choose an image file first."),
        (b"<svg/>", "PNG, JPEG or WebP"),
        (b"GIF89a" + bytes(40), "PNG, JPEG or WebP"),
        (pictures.png(40, 40, 32 * 1024 + 1), "larger than 32 KB"),
        (pictures.png(1201, 40), "1201 by 40 pixels"),
        (pictures.png(40, 1201), "40 by 1201 pixels"),
    ],
    ids=range(6),
)
def test_what_is_no_logo_is_refused(settings: Settings, page_id: int, body: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        pages.set_logo(settings, ALICE, page_id, body)
    assert list(caught.value.fields) == ["logo"]
    assert page(page_id).revision == 1


def test_the_largest_logo_is_taken(settings: Settings, page_id: int) -> None:
    largest = pictures.png(1200, 1200, 32 * 1024)
    pages.set_logo(settings, ALICE, page_id, largest)
    session().rollback()
    assert session().scalars(select(PageLogo.body)).all() == [largest]


def test_there_is_no_such_page(app: Flask, settings: Settings) -> None:
    with pytest.raises(NotFound):
        pages.set_logo(settings, ALICE, 1, pictures.PNG)
    with pytest.raises(NotFound):
        pages.remove_logo(settings, ALICE, 1)
    with pytest.raises(NotFound):
        edit(settings, 1, name="Acme")
