"""Links of a page change and nothing else does, whatever people wrote into it."""

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.publish.link_rewriting import Relinker
from app.text import markdown_to_html

LINKING = {"href", "src", "action"}


def links(page: str) -> list[str]:
    """Where a page leads to; what it says of its own address to search engines is no link."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    leading = [e for e in tree.iter() if e.get("rel") != "canonical" and not (e.tag == "link" and e.get("hreflang"))]
    return [value for element in leading for name, value in element.attrib.items() if name in LINKING]


@pytest.mark.parametrize(
    ("page", "relinked"),
    [
        ("""<a title="a > b" href="/">x</a>""", """<a title="a > b" href="../index.html">x</a>"""),
        ("""<a title=" href='/'" href='/'>x</a>""", """<a title=" href='/'" href="../index.html">x</a>"""),
        ("""<a title="<a href='/'>" data-href="/">/</a>""", None),
        ("""<!-- <a href="/"> --><title><a href="/"></title><script src="x">"<a href='/'>"</script>""", None),
        ("""<SCRIPT\nSRC = "/"></SCRIPT>""", """<script src="../index.html"></SCRIPT>"""),
        ("""<a href="&#47;history?a=1&amp;b=2#c">x</a>""", """<a href="../history.html?a=1&amp;b=2#c">x</a>"""),
        ("""<a href="/%22x">x</a><a href="/..">x</a>""", """<a href="https://s.example/%22x">x</a><a href="https://s.example/..">x</a>"""),
    ],
)  # fmt: skip
def test_only_an_attribute_that_leads_somewhere_is_changed(page: str, relinked: str | None) -> None:
    relinker = Relinker({"index.html", "history.html"}, "https://s.example")
    assert relinker.relinked("a/b.html", page) == (relinked or page)


@pytest.mark.parametrize(
    ("link", "led"),
    [
        ("/status", "../index.html"),
        ("/status/", "../index.html"),
        ("/status/history#a", "../history.html#a"),
        ("/status/subscribe?x=1", "https://s.example/status/subscribe?x=1"),
        ("/history", "https://s.example/history"),
        ("/statuses", "https://s.example/statuses"),
    ],
)
def test_a_page_below_a_path_keeps_it(link: str, led: str) -> None:
    relinker = Relinker({"index.html", "history.html"}, "https://s.example/status")
    assert relinker.relinked("a/b.html", f'<a href="{link}">x</a>') == f'<a href="{led}">x</a>'


LINK = st.sampled_from(["/", "/history", "/console?a=1&b=2", "//x.example", "https://x.example/", "history", "#a"])
WORDS = st.text(alphabet="""ab <>"'`/&=[]()\n*\\!-""", max_size=60)


@given(st.lists(st.tuples(WORDS, LINK, WORDS), max_size=4))
def test_links_change_and_nothing_else_does(parts: list[tuple[str, str, str]]) -> None:
    body = markdown_to_html("\n\n".join(f"{before} [x]({link} '{title}') `{before}`" for before, link, title in parts))
    page = f"<!-- <a href='/'> --><title>a</title><h1>x</h1><script src='/x.js'></script>{body}"
    relinked = Relinker({"index.html", "history.html"}, "https://s.example").relinked("a/b.html", page)
    assert skeleton(relinked) == skeleton(page)
    assert not [link for link in links(relinked) if link.startswith("/") and not link.startswith("//")]


def skeleton(page: str) -> list[tuple[object, ...]]:
    """Everything of a page but where its links lead."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    return [
        (e.tag, e.text, e.tail, sorted((k, v) for k, v in e.attrib.items() if k not in LINKING)) for e in tree.iter()
    ]
