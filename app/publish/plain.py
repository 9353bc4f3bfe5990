"""The page as one Markdown text, for terminals, assistants and anyone without a browser.

What people typed appears in it as plain words: none of it can start a heading, a link or markup of ours.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote

from app.publish import words
from app.publish.catalogues import translations
from app.publish.component_transitions import component_names, touched_components
from app.publish.links import permalink
from app.publish.views import ComponentView, PostView, Snapshot, UpdateView
from app.text import header_safe, markdown_to_text
from app.vocabulary import ComponentStatus, Impact

_MARKUP = re.compile(r"[\\`*\[\]<>#|]|~(?=~)|(?<=~)~|&(?=#?\w{1,40};)|(?<![^\W_])_|_(?![^\W_])")
"""What has a meaning in Markdown anywhere; an underscore within a word, as in an address, doesn't."""

_RULE = re.compile(r"^(?=[-=+_ ]+$)[-=+]")
"""The first of a line that would be a rule, or make a heading of the line above."""

_NOT_IN_ADDRESSES = re.compile(r"[\s()<>\\]")


def status(snapshot: Snapshot) -> bytes:
    """`/status.md`, in the page's own language: verdict, what happens now, components, planned work, and links."""
    return _Text(snapshot).whole().encode()


def one_line(typed: str) -> str:
    """What someone typed as words of one line of Markdown."""
    return _MARKUP.sub(r"\\\g<0>", header_safe(typed))


@lru_cache(maxsize=512)
def quoted(body: str) -> str:
    """An update's text as a quotation, so that nothing in it ends where it should not."""
    lines = (_RULE.sub(r"\\\g<0>", one_line(line)) for line in markdown_to_text(body).splitlines())
    return "\n".join(f"> {line}".rstrip() for line in lines)


def link(said: str, address: str) -> str:
    """A link; `said` is Markdown already."""
    return f"[{said}]({_NOT_IN_ADDRESSES.sub(lambda found: quote(found[0], safe=''), address)})"


class _Text:
    """Says a page in its own language, section by section."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._page = snapshot.page
        self._language = snapshot.page.language
        self._names = component_names(snapshot)
        self._spoken = translations(self._language)

    def whole(self) -> str:
        """All of it; paragraphs have an empty line between them."""
        shown = self._snapshot
        parts = [f"# {one_line(self._page.name)}", f"**{self._say(shown.verdict.text)}**"]
        parts.append(self._say("As of {time}", time=self._when(shown.rendered_at)))
        parts += [f"> **{one_line(one.title)}**" for one in shown.announcements]
        parts += [f"## {self._say('Happening now')}", *self._posts(shown.worst_first)]
        if not shown.open_posts:
            parts.append(self._say("Nothing to report"))
        parts += [f"## {self._say('Components')}", *self._components()]
        if shown.upcoming or shown.called_off:
            parts += [f"## {self._say('Planned')}", *self._posts((*shown.upcoming, *shown.called_off))]
        return "\n\n".join([*parts, "---", self._links()]) + "\n"

    def _posts(self, posts: Sequence[PostView]) -> Iterator[str]:
        for post in posts:
            yield f"### {link(one_line(post.title), permalink(self._page.url, post.public_id))}"
            yield "\n".join(f"- {fact}" for fact in self._facts(post))
            earlier = [*post.updates[1:], None]
            for update, before in zip(post.updates, earlier, strict=True):
                yield f"#### {self._heading(update, before)}"
                yield quoted(update.body)

    def _facts(self, post: PostView) -> Iterator[str]:
        yield f"**{self._say(post.status.label)}**"
        if post.tells_impact:
            impact = self._say(post.impact.label)
            yield self._say("No impact" if post.impact is Impact.NONE else "{impact} impact", impact=impact)
        if post.scheduled_for and post.scheduled_until:
            start, end = self._when(post.scheduled_for), self._when(post.scheduled_until)
            yield self._say("{start} to {end}", start=start, end=end)
        else:
            yield self._say("since {time}", time=self._when(post.began_at))
        about = [one_line(name) for name in touched_components(post, self._names)]
        if about:
            yield self._say("Affects {names}", names=", ".join(about))
        if post.next_update_by and post.is_open and not post.is_upcoming:
            yield self._say("Next update by {time}", time=self._when(post.next_update_by))

    def _heading(self, update: UpdateView, before: UpdateView | None) -> str:
        said = f"{self._say(words.status_word(update, before))}, {self._when(update.display_at)}"
        if update.corrected_at is None:
            return said
        return f"{said} ({self._say('Corrected at {time}', time=self._when(update.corrected_at))})"

    def _components(self) -> Iterator[str]:
        if not self._snapshot.components:
            yield self._say("No components are listed yet.")
        if alone := self._rows(self._snapshot.ungrouped):
            yield alone
        for group in self._snapshot.groups:
            yield f"### {one_line(group.name)}: {self._say(group.status.label)}"
            if rows := self._rows(group.components):
                yield rows

    def _rows(self, components: Sequence[ComponentView]) -> str:
        shown = (
            one for one in components
            if not one.only_show_if_degraded or one.status is not ComponentStatus.OPERATIONAL
        )  # fmt: skip
        return "\n".join(f"- **{one_line(one.name)}**: {self._say(one.status.label)}" for one in shown)

    def _links(self) -> str:
        url = self._page.url
        led = (
            (self._say("History"), "/history"), (self._say("Subscribe"), "/subscribe"),
            (self._say("Calendar"), "/calendar.ics"), ("Atom", "/history.atom"), ("RSS", "/history.rss"),
            ("JSON", "/api/v2/summary.json"), ("llms.txt", "/llms.txt"),
        )  # fmt: skip
        return "\n".join(f"- {link(said, url + path)}" for said, path in led)

    def _when(self, at: datetime) -> str:
        return words.when(at, self._page.zone, self._language)

    def _say(self, message: str, **values: str) -> str:
        return self._spoken.gettext(message).format(**values)
