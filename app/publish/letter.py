"""The text of a message: written once per channel and language, then completed per time zone and recipient."""

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.channels.base import Wording
from app.channels.registry import channel as channel_named
from app.clock import now
from app.errors import NotFound
from app.guard.sms_length import fit
from app.mail_address import split
from app.models.post import Post, Update
from app.publish import words
from app.publish.environment import TEMPLATES, environment
from app.publish.html import POST_SHAPES
from app.publish.links import permalink
from app.publish.needed import Before
from app.publish.phrases import plain_globals, plain_text, speaking
from app.publish.snapshot import full_names, read, read_page
from app.publish.statuspage_json import incident, webhook_payload
from app.publish.thread import read_posts, read_titles, stub_of
from app.publish.views import PageView, PostView, Snapshot, UpdateView
from app.settings import Settings
from app.shapes import Letter
from app.text import header_safe, markdown_to_text, shorten
from app.vocabulary import ComponentStatus, DispatchKind, Language, NoticeKind, PostKind, PostStatus

STYLE = (TEMPLATES / "messages" / "style.css").read_text("utf-8")
EMAIL_STYLE_HASH = "sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
"""The one style element of every mail, as a content security policy names it: for previews."""

GLYPHS = {
    ComponentStatus.OPERATIONAL: "●",
    ComponentStatus.UNDER_MAINTENANCE: "◆",
    ComponentStatus.UNKNOWN: "○",
    ComponentStatus.DEGRADED_PERFORMANCE: "▲",
    ComponentStatus.PARTIAL_OUTAGE: "◐",
    ComponentStatus.MAJOR_OUTAGE: "■",
}
"""The shapes of the page's pictures as letters: mail programs leave pictures out, and some leave colors out."""

SMS_WORDS = 600
PUSH_WORDS = 300


class OpenTimes:
    """Times that a letter names, left open until it is known in whose time zone they are read: a mark for each.

    Users' text holds no such mark: cleaning took it, and what came past the cleaning doesn't know this letter's.
    """

    def __init__(self, language: Language) -> None:
        self._language = language
        self._times: list[Callable[[ZoneInfo], str]] = []
        self._seal = secrets.token_hex(4)
        self._open = re.compile(f"\x02{self._seal}([0-9]+)\x03")

    def when(self, at: datetime) -> str:
        """An instant with its date."""
        return self._leave_open(lambda zone: words.when(at, zone, self._language))

    def moment(self, at: datetime, now: datetime) -> str:
        """An instant, with its date where that isn't the day of `now`."""
        return self._leave_open(lambda zone: words.moment(at, now, zone, self._language))

    def put(self, text: str, zone: ZoneInfo) -> str:
        """`text` with the times as clocks show them in `zone`."""
        return self._open.sub(lambda mark: self._times[int(mark[1])](zone), text) if self._times else text

    def _leave_open(self, time: Callable[[ZoneInfo], str]) -> str:
        self._times.append(time)
        return f"\x02{self._seal}{len(self._times) - 1}\x03"


@dataclass(frozen=True, slots=True)
class OpenLetter:
    """A letter in one language whose times are still open."""

    letter: Letter
    times: OpenTimes

    def in_zone(self, zone: ZoneInfo) -> Letter:
        """The letter for everyone in a time zone.  Times have no characters that HTML would need escaped."""
        text, html = self.times.put(self.letter.text, zone), self.times.put(self.letter.html, zone)
        return replace(self.letter, text=text, html=html)


@dataclass(frozen=True, slots=True)
class LetterContent:
    """What a letter is made from: the page as it is, the post, and the update in it that is sent."""

    snapshot: Snapshot
    post: PostView
    update: UpdateView

    @property
    def page(self) -> PageView:
        return self.snapshot.page

    @property
    def before(self) -> UpdateView | None:
        """The update before this one."""
        earlier = [update for update in self.post.updates if update.sequence < self.update.sequence]
        return earlier[0] if earlier else None

    def in_language(self, language: Language) -> "LetterContent":
        """The same with the title, the text and the components' names in a language, as far as there are any."""
        post, update = self.post, self.update
        effects = tuple(
            replace(one, name=one.names[language]) if language in one.names else one for one in update.effects
        )
        return replace(
            self,
            post=replace(post, title=post.titles.get(language, post.title)),
            update=replace(
                update,
                body=update.bodies.get(language, update.body),
                body_html=update.htmls.get(language, update.body_html),
                effects=effects,
            ),
        )


def read_words(session: Session, update_id: int) -> LetterContent:
    """Everything that the letters of an update need.  A fixed number of queries.  Raises NotFound."""
    found = session.execute(
        select(Post.title, Update).join(Update, Update.post_id == Post.id).where(Update.id == update_id)
    ).first()
    if found is None:
        raise NotFound("Update not found.")
    title, row = found
    page = read_page(session, session.get_one(Post, row.post_id).page_id)
    snapshot = read(session, page.id, Before(max(page.revision, page.rebuild_revision), now()))
    names = full_names(snapshot.components, snapshot.groups)
    post = read_posts(session, (Post.id == row.post_id,), names)[0]
    if post.withdrawn_at is not None:  # those who got it know it by its title, and learn no more than that
        post = replace(post, title=title, titles=read_titles(session, (Post.id == row.post_id,)).get(row.post_id, {}))
    known = {update.id: update for update in (*post.updates, *post.withdrawn)}
    update = known.get(update_id) or stub_of(row)
    return LetterContent(snapshot, post, update)


def word(
    settings: Settings,
    of: LetterContent,
    channel: str,
    language: Language | None = None,
    kind: DispatchKind = DispatchKind.UPDATE,
) -> Letter:
    """A dispatch's letter on a channel, in the page's time zone and, unless another is given, its language."""
    return open_letter(settings, of, channel, language or of.page.language, kind).in_zone(of.page.zone)


def open_letter(
    settings: Settings, of: LetterContent, channel: str, language: Language, kind: DispatchKind
) -> OpenLetter:
    """A dispatch's letter on a channel and in a language, worded once; its times are filled in for each time zone."""
    wording = channel_named(channel).wording
    # programs read the page's own language, regardless of who reads them
    spoken = of if wording is Wording.WEBHOOK else of.in_language(language)
    edition = _Edition(settings, spoken, channel, language, kind, OpenTimes(language))
    with speaking(language):
        letter = _MAKERS[wording](edition)
    return OpenLetter(letter, edition.times)


@dataclass(frozen=True, slots=True)
class _Edition:
    """All that a letter is worded from."""

    settings: Settings
    of: LetterContent
    channel: str
    language: Language
    kind: DispatchKind
    times: OpenTimes

    def say(self, message: str, **values: object) -> str:
        """A message in the letter's language, as plain text."""
        return plain_text(self.language, message, **values)

    @property
    def heading(self) -> str:
        """What kind of news it is: the status, or "Correction" and the like."""
        if self.kind is DispatchKind.UPDATE:
            return self.say(words.status_word(self.of.update, self.of.before))
        return self.say(words.KIND_WORDS[self.kind])

    @property
    def title(self) -> str:
        """The post's title, after the kind of news where that is no update."""
        title = self.of.post.title
        return title if self.kind is DispatchKind.UPDATE else f"{self.heading}: {title}"

    @property
    def shows_update(self) -> bool:
        """Whether the update's words are in it: what was withdrawn isn't repeated."""
        return self.kind is not DispatchKind.WITHDRAWAL

    @property
    def explanation(self) -> str:
        """A sentence that says why someone gets this now; empty for an update."""
        return self.say(words.KIND_SENTENCES[self.kind]) if self.kind in words.KIND_SENTENCES else ""

    def said(self, limit: int) -> str:
        """What there is to say in one short paragraph."""
        if not self.shows_update:
            return self.explanation
        return shorten(" ".join(markdown_to_text(self.of.update.body).split()), limit)


def confirmation(
    settings: Settings, page: PageView, channel: str, kind: NoticeKind, language: Language | None = None
) -> Letter:
    """The letter that asks someone to confirm an address, or tells them that it is confirmed already; a canary's;
    and the one that tells the owner of an endpoint that it was disabled.
    """
    spoken = language or page.language
    about = channel_named(channel)
    said = ""
    if kind is NoticeKind.CANARY:
        said = plain_text(spoken, words.CANARY, page=page.name, channel=about.label)
    if about.wording is Wording.SMS:
        return Letter(channel, "", fit(said, page.url) if said else _text_notice(page, kind, spoken))
    context = {
        "page": page,
        "kind": kind.value,
        "said": said,
        "confirm_url": "{{confirm_url}}",
        "manage_url": "{{manage_url}}",
    }
    subject = plain_text(spoken, words.NOTICE_SUBJECTS.get(kind, words.ALREADY_SUBSCRIBED))
    text, html = _rendered("notice", context, spoken)
    return Letter(
        channel=channel,
        subject=header_safe(f"[{page.name}] {subject}"),
        text=text.strip("\n") + "\n",
        html=html,
        payload=_canary_payload(page, said, about.wording) if said else b"",
        sender=_sender(settings, page),
    )


def _text_notice(page: PageView, kind: NoticeKind, language: Language) -> str:
    said = plain_text(language, words.TEXT_NOTICES.get(kind, words.MANAGE_TEXTS))
    link = "{{confirm_url}}" if kind is NoticeKind.CONFIRM else "{{manage_url}}"
    return f"{fit(page.name, said)}: {link}"


def _canary_payload(page: PageView, said: str, wording: Wording) -> bytes:
    """The test message for programs and browsers; nothing for channels of plain words."""
    shown: dict[str, object]
    if wording is Wording.PUSH:
        shown = {"title": page.name, "body": said, "url": page.url, "tag": "test"}
    elif wording is Wording.WEBHOOK:
        shown = {"page": {"name": page.name, "url": page.url}, "canary": {"body": said}}
    else:
        return b""
    return json.dumps(shown, ensure_ascii=False).encode()


def _sender(settings: Settings, page: PageView) -> str:
    """Who a page's mail is from."""
    return page.mail_from or settings.mail_from


def _rendered(name: str, context: Mapping[str, object], language: Language) -> tuple[str, str]:
    """A message as plain text and as HTML, in a language."""
    text = environment().get_template(f"messages/{name}.txt").render({**context, **plain_globals(language)})
    with speaking(language):
        html = environment().get_template(f"messages/{name}.html").render(context, style=STYLE)
    return text, html


def _email(of: _Edition) -> Letter:
    page, post, update = of.of.page, of.of.post, of.of.update
    sender = _sender(of.settings, page)
    host = split(sender).domain or "localhost"
    root = f"<post.{post.public_id}@{host}>"
    is_first = update.sequence == 1 and of.kind is DispatchKind.UPDATE
    own = f"update.{update.public_id}"
    if of.kind is not DispatchKind.UPDATE:
        own = f"{of.kind}.{update.public_id}.{int((update.corrected_at or update.display_at).timestamp())}"
    text, html = _rendered("update", _context(of), of.language)
    return Letter(
        channel=of.channel,
        subject=header_safe(f"[{page.name}] {of.title}"),
        text=text,
        html=html,
        message_id=root if is_first else f"<{own}@{host}>",
        in_reply_to="" if is_first else root,
        sender=sender,
    )


def _sms(of: _Edition) -> Letter:
    page, post = of.of.page, of.of.post
    head = f"{page.name}: {of.heading}: {post.title}. {of.said(SMS_WORDS)}"
    text = fit(head, permalink(page.url, post.public_id))
    return Letter(of.channel, "", text, valid_until=of.of.update.next_update_by)


def _chat(of: _Edition) -> Letter:
    context = {**_context(of), **plain_globals(of.language)}
    text = environment().get_template("messages/chat.txt").render(context).strip()
    return Letter(of.channel, header_safe(f"{of.of.page.name}: {of.title}"), text)


def _webhook(of: _Edition) -> Letter:
    """For programs: the same in every language."""
    about = of.of
    verdict = {"indicator": about.snapshot.verdict.indicator.value, "text": about.snapshot.verdict.text}
    payload = webhook_payload(
        about.page, verdict, incident(about.snapshot, about.post), about.update.display_at, "{{unsubscribe_url}}"
    )
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Letter(of.channel, header_safe(about.post.title), "", payload=body)


def _push(of: _Edition) -> Letter:
    """A later notice about the same post takes the place of one that wasn't shown yet."""
    page, post = of.of.page, of.of.post
    said = of.said(PUSH_WORDS)
    shown = {
        "title": f"{page.name}: {of.heading}",
        "body": f"{post.title}\n{said}",
        "url": permalink(page.url, post.public_id),
        "tag": post.public_id,
    }
    return Letter(
        channel=of.channel,
        subject=header_safe(post.title),
        text=said,
        message_id=post.public_id,
        payload=json.dumps(shown, ensure_ascii=False).encode(),
        valid_until=of.of.update.next_update_by,
    )


def _shape(of: LetterContent) -> ComponentStatus:
    """The status whose shape and color represent an update."""
    if of.update.status is PostStatus.CANCELLED:
        return ComponentStatus.UNKNOWN
    if of.update.status.is_terminal:
        return ComponentStatus.OPERATIONAL
    return ComponentStatus.UNDER_MAINTENANCE if of.post.kind is PostKind.MAINTENANCE else POST_SHAPES[of.post.impact]


def _context(of: _Edition) -> dict[str, object]:
    page, post, update = of.of.page, of.of.post, of.of.update
    effects = update.effects if of.shows_update else ()
    changes = [effect for effect in effects if not effect.is_same]
    by_status = sorted({effect.to_status for effect in changes}, key=lambda status: -status.severity_rank)
    return {
        "page": page,
        "post": post,
        "update": update,
        "title_language": of.language.value if of.language in post.titles else page.locale,
        "body_language": of.language.value if of.language in update.bodies else page.locale,
        "times": of.times,
        "heading": of.heading,
        "status": of.say(update.status.label) if of.shows_update else of.heading,
        "explanation": of.explanation,
        "shows_update": of.shows_update,
        "shape": _shape(of.of) if of.shows_update else ComponentStatus.UNKNOWN,
        "glyphs": GLYPHS,
        "changes": changes,
        "grouped": [(status, [one.name for one in changes if one.to_status is status]) for status in by_status],
        "affected": [effect.name for effect in effects if effect.is_same],
        "promise": update.next_update_by if _promises(update) and of.shows_update else None,
        "url": permalink(page.url, post.public_id),
        "manage_url": "{{manage_url}}",
        "unsubscribe_url": "{{unsubscribe_url}}",
    }


def _promises(update: UpdateView) -> bool:
    return not update.status.is_terminal and update.status is not PostStatus.SCHEDULED


_MAKERS: dict[Wording, Callable[[_Edition], Letter]] = {
    Wording.EMAIL: _email,
    Wording.SMS: _sms,
    Wording.CHAT: _chat,
    Wording.WEBHOOK: _webhook,
    Wording.PUSH: _push,
}
