"""The template engine for everything public: autoescaping, strict about undefined names, and without Flask."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.publish import phrases, theme, words
from app.publish.component_transitions import touched_components
from app.publish.line_wrapping import fold, fold_markdown
from app.publish.views import PageView
from app.text import markdown_to_text

ROOT = Path(__file__).parent.parent.parent
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
STYLES = ("css/tokens.css", "css/public.css")
SCRIPT = "js/public.js"
EMBED_STYLES = ("css/tokens.css", "css/embed.css")
EMBED_SCRIPT = "js/embed-frame.js"
SCRIPTS_OF_OTHERS = ("js/embed.js", "js/statuspage.js")
"""What other websites load."""


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The environment over `templates/`, made once."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html", "xml", "svg"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(plain=markdown_to_text, fold=fold, fold_markdown=fold_markdown)
    made.globals.update(phrases.GLOBALS, words_of=words.status_word, touched_components=touched_components)
    return made


def assets_of(page: PageView) -> dict[str, bytes]:
    """The page's style, script and logo by hashed name, so that they may be kept forever."""
    logo = {page.logo.name: page.logo.body} if page.logo else {}
    return {**assets(page.accent), **embed_assets(page.accent), **logo}


def asset_urls(page: PageView) -> dict[str, str]:
    """`css` and `js`: where the page links to."""
    return {name.rpartition(".")[2]: f"{page.base}/assets/{name}" for name in assets(page.accent)}


@lru_cache(maxsize=32)
def assets(accent: str) -> dict[str, bytes]:
    """The style and script of a page with this accent, by hashed name."""
    return _hashed("candor", STYLES, SCRIPT, accent)


@lru_cache(maxsize=32)
def embed_assets(accent: str) -> dict[str, bytes]:
    """The same of the frame that other websites build in."""
    return _hashed("embed", EMBED_STYLES, EMBED_SCRIPT, accent)


def script(name: str) -> str:
    """A script that other websites load by its name."""
    return _squeezed((STATIC / name).read_bytes()).decode()


def _hashed(name: str, styles: Sequence[str], script_name: str, accent: str) -> dict[str, bytes]:
    style = b"\n".join((STATIC / path).read_bytes() for path in styles) + theme.style(accent).encode()
    code = _squeezed((STATIC / script_name).read_bytes())
    return {f"{name}-{_hash(style)}.css": _squeezed(style), f"{name}-{_hash(code)}.js": code}


@lru_cache(maxsize=1)
def render_version() -> str:
    """A hash of all that shapes the output: when it differs from what was published, everything is written again."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    sources = [*TEMPLATES.glob("public/**/*"), *here.glob("*.py"), *here.glob("catalogues/*.po")]
    files = {*STYLES, SCRIPT, *EMBED_STYLES, EMBED_SCRIPT, *SCRIPTS_OF_OTHERS}
    for path in sorted([*sources, *(STATIC / name for name in files)]):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _squeezed(source: bytes) -> bytes:
    """Without indentation, blank lines and whole-line comments: nothing that style or script means is touched."""
    lines = (line.strip() for line in source.splitlines())
    return b"\n".join(line for line in lines if line and not line.startswith((b"//", b"/*")))
