"""Files at well-known addresses: sitemap, robots, security contact, web app manifest and llms.txt."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from app.publish.html import favicon
from app.publish.links import permalink
from app.publish.pictures import ICONS, PAPER
from app.publish.plain import link, one_line
from app.publish.views import PageView, Snapshot
from app.vocabulary import Language

SECURITY_TXT = ".well-known/security.txt"
SECURITY_HOLDS = timedelta(days=180)
"""How long a contact is said to be good; RFC 9116 wants less than a year.  It is said again every day."""

_DOCUMENTS = (
    ("Now", (
        ("/status.md", "the page as Markdown: verdict, components, open posts with every update, planned work"),
        ("/api/v2/status.json", "the verdict alone, as JSON"),
        ("/api/v2/summary.json", "verdict, components, open incidents and planned maintenance, as JSON"),
        ("/api/v2/components.json", "the components and their states"),
    )),
    ("What happened", (
        ("/history", "all of the history by month; a month is at /history/YYYY-MM"),
        ("/api/v2/incidents.json", "the 50 newest incidents; one is at /incidents/ID and /incidents/ID.json"),
        ("/history.atom", "an Atom feed with the full text of the newest posts"),
        ("/history.rss", "the same as RSS"),
        ("/feed.json", "the same as JSON Feed"),
    )),
    ("What is planned", (
        ("/calendar.ics", "maintenance windows as a calendar"),
        ("/api/v2/scheduled-maintenances.json", "the 50 newest, as JSON"),
    )),
    ("Optional", (
        ("/sitemap.xml", "every page that there is"),
        ("/badge.svg", "the verdict as a small picture"),
    )),
)  # fmt: skip
"""What `llms.txt` lists, by heading; "Optional" is a word of the convention."""


def llms(snapshot: Snapshot) -> bytes:
    """`/llms.txt` (llmstxt.org): what this page is and which addresses there are.  In English, as documents are."""
    page = snapshot.page
    name = one_line(page.name)
    parts = [
        f"# {name}",
        f"> The public status page of {name}: what works, what does not, since when, and what is planned.",
        "Everything here is a file that is made when something is published. It needs no key and may be asked for "
        f"every ten seconds. Times are in {page.zone.key} unless they say otherwise.",
    ]
    for heading, documents in _DOCUMENTS:
        parts.append(f"## {heading}")
        parts.append("\n".join(f"- {link(path.lstrip('/'), page.url + path)}: {said}" for path, said in documents))
    return ("\n\n".join(parts) + "\n").encode()


def robots(snapshot: Snapshot) -> bytes:
    """`/robots.txt`."""
    base = snapshot.page.base
    lines = (
        "User-agent: *",
        f"Allow: {base}/",
        *(f"Disallow: {base}/{room}" for room in ("console", "board", "admin")),
    )
    return ("\n".join([*lines, "", f"Sitemap: {snapshot.page.url}/sitemap.xml"]) + "\n").encode()


def manifest(snapshot: Snapshot) -> bytes:
    """`/site.webmanifest`: the page on a home screen.  Its addresses are relative, so that they hold in a copy too."""
    page = snapshot.page
    drawn = f"data:image/svg+xml,{quote(favicon(snapshot))}"  # in place: browsers fetch it with every first visit
    icons = [{"src": drawn, "sizes": "any", "type": "image/svg+xml", "purpose": "any"}]
    for size in ICONS:
        png = {"src": f"icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png"}
        icons += [{**png, "purpose": purpose} for purpose in ("any", "maskable")]
    document = {
        "name": page.name,
        "short_name": page.name,
        "lang": page.language.value,
        "dir": page.language.direction,
        "start_url": ".",
        "scope": ".",
        "display": "minimal-ui",
        "background_color": PAPER,
        "theme_color": PAPER,
        "icons": icons,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def security(page: PageView, contact: str, at: datetime) -> bytes:
    """`/.well-known/security.txt` (RFC 9116).  It changes once a day, so that it is written once a day."""
    expires = datetime(at.year, at.month, at.day, tzinfo=UTC) + SECURITY_HOLDS
    lines = (
        f"Contact: {contact}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        f"Preferred-Languages: {page.language.value}",
        f"Canonical: {page.url}/{SECURITY_TXT}",
    )
    return ("\n".join(lines) + "\n").encode()


def sitemap(snapshot: Snapshot, written: Mapping[str, date]) -> bytes:
    """`/sitemap.xml`: home, history, months and the newest posts, each with its languages.

    `written` says on which day a month's page was written last.
    """
    page = snapshot.page
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml">',
    ]
    lines += [_located(page, path, changed) for path, changed in _pages(snapshot, written)]
    return "\n".join([*lines, "</urlset>\n"]).encode()


def _pages(snapshot: Snapshot, written: Mapping[str, date]) -> Iterator[tuple[str, str]]:
    """Every page's address below the page's own, and when it changed, empty where that isn't known."""
    for path in ("/", "/history"):
        yield path, _instant(snapshot.page.updated_at)
    for key in snapshot.all_months:
        yield f"/history/{key}", written[key].isoformat() if key in written else ""
    for post in snapshot.newest:
        yield permalink("", post.public_id), _instant(post.updated_at)


def _located(page: PageView, path: str, changed: str) -> str:
    address = escape(f"{page.url}{path}")
    parts = [f"<url><loc>{address}</loc>"]
    if changed:
        parts.append(f"<lastmod>{changed}</lastmod>")
    if len(page.languages) > 1:
        parts += [_alternate(page, language, path) for language in page.languages]
    return "".join([*parts, "</url>"])


def _alternate(page: PageView, language: Language, path: str) -> str:
    prefix = "" if language is page.language else f"/{language.value}"
    return f'<xhtml:link rel="alternate" hreflang="{language.value}" href={quoteattr(f"{page.url}{prefix}{path}")}/>'


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
