"""What programs, crawlers and people who share a link look for at addresses that are the same on every site."""

import io
import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flask import Flask
from markdown_it import MarkdownIt
from markdown_it.token import Token
from PIL import Image
from werkzeug.test import Client

from app import clock
from app.actions.pages.announcements import create_announcement
from app.actions.pages.pages import edit_page
from app.actions.posts.publishing import open_post, publish_update
from app.errors import SettingError
from app.guard.pictures import PictureFacts, picture_of
from app.publish import pictures
from app.publish.catalogues import translations
from app.publish.export import export
from app.publish.plain import one_line, quoted
from app.publish.refresh import refresh
from app.settings import Settings, load
from app.shapes import AnnouncementDraft, ComponentEffect, UpdateDraft
from app.text import clean
from app.vocabulary import ALL_LANGUAGES, ComponentStatus, Language, PostStatus
from tests.deliver.conftest import draft
from tests.factories import ALICE, LENA, make_component, make_group
from tests.publish.conftest import BEHIND
from tests.publish.story import NOON, tell
from tests.publish.test_calendar import INJECTED, plan
from tests.publish.test_pages import HOSTILE

pytestmark = pytest.mark.database
HOME = "http://localhost:8000"
DAY = timedelta(days=1)
MARKDOWN = [
    "# Not a heading", "- - list", "1. one", "[us](https://evil.example)", "![x](https://evil.example/x.png)",
    "*a* __b__ a__b", "<https://evil.example>", "```\nfence", "~~~\nfence", "x\n===", "x\n---", "&amp;lt; &#60;b&#62;",
    "`code` \\`", "a | b", "[us]\n\n[us]: https://evil.example", "</details><b>x", "~~gone~~", "* * *", "> > deep",
    "\\", "snake_case_word _x_",
]  # fmt: skip
CONTACT = "mailto:security@example.com"


def parsed(raw: bytes) -> list[Token]:
    """As a reader of Markdown that lets HTML through would take it."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(raw.decode())


def said_in(token: Token) -> str:
    """What an inline token shows, and nothing but words and our own links are in it."""
    shown = []
    for one in token.children or ():
        assert re.fullmatch("text|text_special|softbreak|(link|strong)_(open|close)", one.type), one.type
        if one.type == "link_open":
            assert str(one.attrs["href"]).startswith(HOME), one.attrs
        shown.append("\n" if one.type == "softbreak" else one.content)
    return "".join(shown)


def outline(raw: bytes) -> list[tuple[str, str]]:
    """The headings, with their levels; everything else is found to be harmless on the way."""
    found, heading = [], ""
    for token in parsed(raw):
        assert token.type not in {"html_block", "fence", "code_block", "table_open"}, token.content
        if token.type == "heading_open":
            heading = token.tag
        elif token.type == "inline":
            words = said_in(token)
            if heading:
                found.append((heading, words))
            heading = ""
    return found


def test_the_text_says_what_the_page_says(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    with clock.frozen(NOON):
        story = tell(settings, page_id)
        refresh(settings, page_id)
    answer = reader.get("/status.md")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    text = answer.text
    at = "Mar 20, 2026, 11:30 UTC"
    assert outline(answer.data)[:8] == [
        ("h1", "Acme Status"), ("h2", "Happening now"), ("h3", "Αργά"), *[("h4", f"Update, {at}")] * 3,
        ("h4", f"Identified, {at}"), ("h4", f"Investigating, {at} (Corrected at {at})"),
    ]  # fmt: skip
    assert [words for level, words in outline(answer.data) if level == "h2"] == [
        "Happening now",
        "Components",
        "Planned",
    ]
    bodies = [f"> Λόγος {number}" for number in (4, 3, 2, 1)] + ["> Ψάχνουμε όλοι"]
    assert [text.index(body) for body in bodies] == sorted(text.index(body) for body in bodies)
    for said in (
        "**Partial System Outage**", "As of Mar 20, 2026, 12:00 UTC", "> **Αγγελία**", "- Major impact\n",
        "- **Πύλη**: Under maintenance\n", "### Ομάδα: Major outage\n\n- **Μονάδα 0**: Major outage\n",
        "- Affects Μονάδα 0, Μονάδα 1, Μονάδα 2", "- Next update by Mar 20, 2026, 12:00 UTC\n",
        "- Mar 21, 2026, 12:00 UTC to Mar 21, 2026, 14:00 UTC\n", f"### [Αργά]({HOME}/incidents/{story.open})\n",
        f"### [Έργο]({HOME}/incidents/{story.planned})\n",
    ):  # fmt: skip
        assert said in text, said
    for address in re.findall(rf"\]\({HOME}(/[^)]*)\)", text):
        assert reader.get(address).data != BEHIND or address == "/subscribe", address


def test_without_anything_it_says_so(settings: Settings, page_id: int, reader: Client) -> None:
    refresh(settings, page_id)
    text = reader.get("/status.md").text
    assert "Nothing to report" in text and "No components are listed yet." in text and "Planned" not in text


def test_the_gravest_stands_first(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    for number, status in enumerate((ComponentStatus.MAJOR_OUTAGE, ComponentStatus.DEGRADED_PERFORMANCE)):
        effect = (ComponentEffect(make_component(page_id, f"Part {number}"), status),)
        open_post(settings, LENA, page_id, draft(f"key-0000000{number}", title=f"Trouble {number}", effects=effect))
    text = reader.get("/status.md").text
    assert text.index("Trouble 0") < text.index("Trouble 1")


@pytest.mark.parametrize("language", [Language.GERMAN, Language.ARABIC, Language.JAPANESE])
def test_the_text_is_in_the_pages_own_language(
    app: Flask, settings: Settings, page_id: int, reader: Client, language: Language
) -> None:
    with clock.frozen(NOON):
        tell(settings, page_id)
        edit_page(settings, ALICE, page_id, locale=language)
    text = reader.get("/status.md").text
    bare = re.sub(r"\(http[^)]*\)|UTC|Acme Status|Atom|RSS|JSON|llms\.txt", "", text)
    assert translations(language).gettext("Happening now") in text
    if language is not Language.GERMAN:
        assert not re.search("[A-Za-z]{2,}", bare), bare


@pytest.mark.parametrize("typed", [*HOSTILE, *INJECTED, *MARKDOWN], ids=lambda typed: repr(typed[:20]))
def test_whatever_is_typed_stays_words_on_its_line(
    app: Flask, settings: Settings, page_id: int, reader: Client, typed: str
) -> None:
    name, title, part = (clean(f"{typed}"[:limit]) or "x" for limit in (90, 190, 60))
    with clock.frozen(NOON):
        edit_page(settings, ALICE, page_id, name=name)
        group = make_group(page_id, part)
        component = make_component(page_id, part, group_id=group)
        make_component(page_id, part)
        create_announcement(settings, LENA, page_id, AnnouncementDraft(title, "x"))
        effect = (ComponentEffect(component, ComponentStatus.DEGRADED_PERFORMANCE),)
        body = clean(f"{typed}"[:9_000], multiline=True) or "x"
        about = draft(title=title, body=body, effects=effect, acknowledged=True)
        open_post(settings, LENA, page_id, about)
        plan(settings, page_id, title=title)
    at = "Mar 20, 2026, 12:00 UTC"
    assert outline(reader.get("/status.md").data) == [
        ("h1", name), ("h2", "Happening now"), ("h3", title), ("h4", f"Investigating, {at}"), ("h2", "Components"),
        ("h3", f"{part}: Degraded performance"), ("h2", "Planned"), ("h3", title), ("h4", f"Scheduled, {at}"),
    ]  # fmt: skip
    shown = [said_in(token) for token in parsed(reader.get("/status.md").data) if token.type == "inline"]
    assert [words for words in shown if words == f"{part}: Operational"]
    assert shown.count(title) >= 3, "the announcement's, the incident's and the maintenance's"
    assert [level for level, _ in outline(reader.get("/llms.txt").data)] == ["h1", "h2", "h2", "h2", "h2"]
    assert json.loads(reader.get("/site.webmanifest").data)["name"] == name


@pytest.mark.parametrize("broken", ["a\n# b", "a\r\nb", "a\u2028b", "a\u0085b", "a\x0bb"])
def test_a_line_stays_one_also_where_it_was_stored_uncleaned(broken: str) -> None:
    assert len(one_line(broken).splitlines()) == 1
    assert all(line.startswith(">") for line in quoted(broken).splitlines())


def test_assistants_are_told_what_there_is(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    refresh(settings, page_id)
    answer = reader.get("/llms.txt")
    lines = answer.text.splitlines()
    assert (lines[0], lines[2][:2]) == ("# Acme Status", "> ")
    links = re.findall(rf"^- \[[^\]]+\]\({HOME}(/[^)]*)\): \S", answer.text, re.MULTILINE)
    assert {"/status.md", "/api/v2/summary.json", "/history.atom", "/history.rss", "/calendar.ics"} <= set(links)
    assert len(links) == answer.text.count("\n- ")
    for address in links:
        assert (reader.get(address).status_code, reader.get(address).data == BEHIND) == (200, False), address


SITE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
LINK = "{http://www.w3.org/1999/xhtml}link"


def located(reader: Client) -> dict[str, ElementTree.Element]:
    answer = reader.get("/sitemap.xml")
    return {str(one.findtext(f"{SITE}loc")): one for one in ElementTree.fromstring(answer.data).findall(f"{SITE}url")}


def test_the_map_leads_to_every_page_in_every_language(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    edit_page(settings, ALICE, page_id, languages=ALL_LANGUAGES.split(","))
    with clock.frozen(NOON):
        story = tell(settings, page_id)
        refresh(settings, page_id)
    found = located(reader)
    assert set(found) == {f"{HOME}{address}" for address in story.addresses}
    for address, one in found.items():
        assert reader.get(address.removeprefix(HOME)).status_code == 200
        others = {str(link.get("hreflang")): str(link.get("href")) for link in one.findall(LINK)}
        assert set(others) == set(Language)
        assert others["en"] == address
        for other in others.values():
            assert reader.get(other.removeprefix(HOME)).status_code == 200, other
    assert found[f"{HOME}/incidents/{story.resolved}"].findtext(f"{SITE}lastmod") == "2026-03-17T13:20:00Z"
    for one in found.values():
        assert datetime.fromisoformat(str(one.findtext(f"{SITE}lastmod")))


def test_a_months_day_is_when_its_page_was_written(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    with clock.frozen(NOON):
        tell(settings, page_id)
    lasting = settings.public_root / "default" / "lasting" / "history" / "2026-01.html"
    page = located(reader)[f"{HOME}/history/2026-01"]
    written = datetime.fromtimestamp(lasting.stat().st_mtime, UTC).date()
    assert page.findtext(f"{SITE}lastmod") == written.isoformat()


def test_the_map_holds_the_fifty_newest_posts(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    made = []
    for number in range(53):
        with clock.frozen(NOON + number * timedelta(hours=1)):
            about = draft(f"many-{number:06}", status=PostStatus.RESOLVED, notify=False)
            made.append(open_post(settings, LENA, page_id, about).post_id)
    posts = [address.rpartition("/")[2] for address in located(reader) if "/incidents/" in address]
    assert posts == list(reversed(made))[:50]


def test_robots_are_shown_the_map(settings: Settings, page_id: int, reader: Client) -> None:
    refresh(settings, page_id)
    lines = reader.get("/robots.txt").text.splitlines()
    assert f"Sitemap: {HOME}/sitemap.xml" in lines and "Disallow: /console" in lines


def test_the_page_goes_on_a_home_screen(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    refresh(settings, page_id)
    home = reader.get("/")
    assert '<link rel="manifest" href="/site.webmanifest">' in home.text
    assert "manifest-src 'self'" in home.headers["Content-Security-Policy"]
    manifest = json.loads(reader.get("/site.webmanifest").data)
    assert manifest["start_url"] == manifest["scope"] == "."
    assert manifest["icons"][0]["src"].startswith("data:image/svg+xml,%3Csvg")
    for icon in manifest["icons"][1:]:
        answer = reader.get(f"/{icon['src']}")
        assert answer.content_type == icon["type"]
        if icon["type"] == "image/png":
            side = int(icon["sizes"].partition("x")[0])
            assert picture_of(answer.data) == PictureFacts("image/png", side, side)
    assert reader.get("/apple-touch-icon.png").data == reader.get("/icon-192.png").data


class Meta(HTMLParser):
    """The meta elements of a page by name or property."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "meta":
            self.found[given.get("property") or given.get("name") or ""] = given.get("content") or ""


def test_a_shared_link_says_what_it_is(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    edit_page(settings, ALICE, page_id, name='A "b" <c>', languages=ALL_LANGUAGES.split(","))
    made = open_post(settings, LENA, page_id, draft())
    spoken = {"": "en_US", "/de": "de_DE", "/fr": "fr_FR", "/es": "es_ES", "/ja": "ja_JP", "/ar": "ar_AR"}
    for prefix, locale in spoken.items():
        for address in ("/", "/history", f"/incidents/{made.post_id}"):
            found = Meta(reader.get(prefix + address).text).found
            assert (found["og:url"], found["og:locale"]) == (f"{HOME}{prefix}{address}", locale)
            assert (found["og:site_name"], found["twitter:card"]) == ('A "b" <c>', "summary_large_image")
            assert found["og:image"].startswith(HOME)
            picture = reader.get(found["og:image"].removeprefix(HOME))
            size = PictureFacts("image/png", int(found["og:image:width"]), int(found["og:image:height"]))
            assert picture_of(picture.data) == size == PictureFacts("image/png", 1200, 630)
            assert picture.data == reader.get("/og.png").data
    assert "og:url" not in Meta(reader.get("/incidents/nothere").text).found


def card_address(reader: Client) -> str:
    return Meta(reader.get("/").text).found["og:image"].removeprefix(HOME)


def test_the_picture_follows_what_it_shows_and_is_drawn_for_nothing_else(
    app: Flask, settings: Settings, page_id: int, reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    component = make_component(page_id)
    refresh(settings, page_id)
    well = card_address(reader), reader.get("/og.png").data
    assert color_of(well[1]) == "#1f7a4d"
    assert "immutable" in reader.get(well[0]).headers["Cache-Control"]
    broken = (ComponentEffect(component, ComponentStatus.MAJOR_OUTAGE),)
    made = open_post(settings, LENA, page_id, draft(effects=broken))
    down = card_address(reader), reader.get("/og.png").data
    assert down[0] != well[0] and color_of(down[1]) == "#b3261e"
    for draw in (pictures._card, pictures._icon):
        draw.cache_clear()
        monkeypatch.setattr(pictures, draw.__name__, lambda *_: pytest.fail("drawn again"))
    publish_update(
        settings, LENA, page_id, made.post_id, UpdateDraft(PostStatus.IDENTIFIED, "We know.", "key-00000002", 1)
    )
    assert (card_address(reader), reader.get("/og.png").data) == down
    mended = (ComponentEffect(component, ComponentStatus.OPERATIONAL),)
    over = UpdateDraft(PostStatus.RESOLVED, "Over.", "key-00000003", 2, effects=mended)
    publish_update(settings, LENA, page_id, made.post_id, over)
    assert (card_address(reader), reader.get("/og.png").data) == well


def color_of(raw: bytes) -> str:
    """The color of the band at the foot, near enough: there are few colors in the file."""
    near = pixels(raw).getpixel((5, 625))
    assert isinstance(near, tuple)
    known = ("#1f7a4d", "#b3261e", "#8a6100")
    return min(known, key=lambda one: sum(abs(int(one[i : i + 2], 16) - near[i // 2]) for i in (1, 3, 5)))


def pixels(raw: bytes) -> Image.Image:
    with Image.open(io.BytesIO(raw)) as picture:
        return picture.convert("RGB")


def named_picture(settings: Settings, page_id: int, reader: Client, name: str) -> bytes:
    edit_page(settings, ALICE, page_id, name=name)
    return reader.get("/og.png").data


def test_a_name_is_on_the_picture_where_a_font_has_its_letters_and_is_left_out_where_none_has(
    app: Flask, settings: Settings, page_id: int, reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures._card.cache_clear()
    monkeypatch.setattr(pictures, "FONTS", ("there-is-no-such-font.ttf",))
    bare = named_picture(settings, page_id, reader, "日本語の状態")
    assert named_picture(settings, page_id, reader, "Ünïted") == bare, "Pillow's own font has ASCII alone"
    assert named_picture(settings, page_id, reader, "Acme") != bare
    assert named_picture(settings, page_id, reader, "حالة") == bare
    assert named_picture(settings, page_id, reader, "\U0001f680 Acme") == bare
    pictures._card.cache_clear()


def test_the_machines_fonts_are_used(
    app: Flask, settings: Settings, page_id: int, reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import ImageFont

    try:
        ImageFont.truetype(pictures.FONTS[0], 10)
    except OSError:
        pytest.skip(f"{pictures.FONTS[0]} is not on this machine")
    bare = named_picture(settings, page_id, reader, "\U0010fff0")
    assert named_picture(settings, page_id, reader, "Ünïted Στάση") != bare
    monkeypatch.setattr(pictures, "_can_shape", lambda: False)
    assert named_picture(settings, page_id, reader, "خدمة") == bare, "letters that join are not drawn apart"
    pictures._card.cache_clear()


def test_the_longest_name_stays_within_the_picture(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    picture = pixels(named_picture(settings, page_id, reader, "W" * 100))
    assert len({picture.getpixel((1150, y)) for y in range(600)}) == 1, "nothing is drawn in the margin"


def test_a_picture_that_fails_takes_nothing_with_it(
    app: Flask, settings: Settings, page_id: int, reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_card", lambda *_: 1 / 0)
    open_post(settings, LENA, page_id, draft())
    assert "Slow answers" in reader.get("/").text
    assert reader.get("/og.png").data == BEHIND


def test_who_finds_a_weakness_is_told_whom_to_tell(
    app: Flask, settings: Settings, page_id: int, reader: Client, tmp_path: Path
) -> None:
    refresh(settings, page_id)
    for address in ("/.well-known/security.txt", "/security.txt"):
        assert reader.get(address).data == BEHIND
        assert app.test_client().get(address).status_code == 404
    with clock.frozen(NOON):
        refresh(settings.with_changes(security_contact=CONTACT), page_id)
    answer = reader.get("/.well-known/security.txt")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert reader.get("/security.txt").data == answer.data
    fields = [line.split(": ", 1) for line in answer.text.splitlines()]
    assert [name for name, _ in fields] == ["Contact", "Expires", "Preferred-Languages", "Canonical"]
    said = dict(fields)
    assert said["Contact"] == CONTACT
    assert NOON + 30 * DAY < datetime.fromisoformat(said["Expires"]) < NOON + 365 * DAY
    assert said["Canonical"] == f"{HOME}/.well-known/security.txt"
    export(settings, tmp_path / "copy")
    assert (tmp_path / "copy" / ".well-known" / "security.txt").read_bytes() == answer.data
    with clock.frozen(NOON + DAY):
        refresh(settings.with_changes(security_contact=CONTACT), page_id)
    assert reader.get("/security.txt").data != answer.data, "it is said anew every day"


@pytest.mark.parametrize("typed", [CONTACT, "https://example.com/security", "https://example.com", "  " + CONTACT])
def test_a_contact_is_a_mail_address_or_a_page(tmp_path: Path, typed: str) -> None:
    assert load({"CANDOR_HOME": str(tmp_path), "SECURITY_CONTACT": typed}).security_contact == typed.strip()


@pytest.mark.parametrize(
    "typed",
    ["security@example.com", "mailto:nobody", "http://example.com", "https://", "mailto:a@b.example\nExpires: never",
     "https://example.com/a b", "javascript:alert(1)", "tel:+15551230000"],
)  # fmt: skip
def test_a_contact_that_is_none_stops_the_start(tmp_path: Path, typed: str) -> None:
    with pytest.raises(SettingError, match=r"^SECURITY_CONTACT .* is not a contact"):
        load({"CANDOR_HOME": str(tmp_path), "SECURITY_CONTACT": typed})
