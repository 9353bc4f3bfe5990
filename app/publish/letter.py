"""The words of a message: one update, worded once per channel, then filled in per recipient."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

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
from app.publish.snapshot import read, read_page
from app.publish.statuspage_json import incident, webhook_payload
from app.publish.thread import read_posts
from app.publish.views import PageView, PostView, Snapshot, UpdateView
from app.settings import Settings
from app.shapes import Letter
from app.text import header_safe, markdown_to_text, shorten
from app.vocabulary import ComponentStatus, NoticeKind, PostKind, PostStatus

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
"""The shapes of the page's pictures as letters: mail programs leave pictures out, and some leave colours out."""

SMS_WORDS = 600
PUSH_WORDS = 300


@dataclass(frozen=True, slots=True)
class Words:
    """What a letter is made from: the page as it stands, the post, and the update in it that is sent."""

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


def read_words(session: Session, update_id: int) -> Words:
    """Everything that the letters of an update need.  A fixed number of queries.  Raises NotFound."""
    found = session.execute(
        select(Post.id, Post.page_id).join(Update, Update.post_id == Post.id).where(Update.id == update_id)
    ).first()
    if found is None:
        raise NotFound("There is no such update.")
    page = read_page(session, found.page_id)
    post = read_posts(session, (Post.id == found.id,))[0]
    update = next(update for update in post.updates if update.id == update_id)
    return Words(read(session, page.id, Before(max(page.revision, page.rebuild_revision), now())), post, update)


def word(settings: Settings, of: Words, channel: str) -> Letter:
    """The letter of an update on a channel."""
    return _MAKERS[channel_named(channel).wording](settings, of, channel)


SUBJECTS = {
    NoticeKind.CONFIRM: "Confirm your subscription",
    NoticeKind.FOLLOWS: "Choose your updates",
    NoticeKind.DISABLED: "Your webhook gets no more updates",
}
TEXTS = {
    NoticeKind.CONFIRM: "Confirm your status texts",
    NoticeKind.FOLLOWS: "You get texts of single incidents alone. Choose",
}


def confirmation(settings: Settings, page: PageView, channel: str, kind: NoticeKind) -> Letter:
    """The letter that asks somebody to confirm an address, or tells them that it is confirmed already; a canary's;
    and the one that tells the owner of an endpoint that it was disabled.
    """
    if kind is NoticeKind.CANARY:
        return _canary(settings, page, channel)
    wording = channel_named(channel).wording
    context = {"page": page, "kind": kind.value, "confirm_url": "{{confirm_url}}", "manage_url": "{{manage_url}}"}
    if wording is Wording.SMS:
        said = TEXTS.get(kind, "You get status texts. Manage")
        link = "{{confirm_url}}" if kind is NoticeKind.CONFIRM else "{{manage_url}}"
        return Letter(channel, "", f"{fit(page.name, said)}: {link}")
    asked = SUBJECTS.get(kind, "You are already subscribed")
    return Letter(
        channel=channel,
        subject=header_safe(f"[{page.name}] {asked}"),
        text=environment().get_template("messages/notice.txt").render(context),
        html=environment().get_template("messages/notice.html").render(context, style=STYLE),
        sender=_sender(settings, page),
        message_id="",
    )


def _canary(settings: Settings, page: PageView, channel: str) -> Letter:
    """The letter that proves that a channel works, to an address of the operator's own."""
    about = channel_named(channel)
    said = f"This is the test message of {page.name}. Because it arrived, the channel {about.label} works."
    if about.wording is Wording.SMS:
        return Letter(channel, "", fit(said, page.url))
    payload = json.dumps({"page": {"name": page.name, "url": page.url}, "canary": {"body": said}}, ensure_ascii=False)
    if about.wording is Wording.PUSH:
        payload = json.dumps({"title": page.name, "body": said, "url": page.url, "tag": "test"}, ensure_ascii=False)
    context = {"page": page, "kind": NoticeKind.CANARY.value, "said": said}
    return Letter(
        channel=channel,
        subject=header_safe(f"[{page.name}] Test message"),
        text=environment().get_template("messages/notice.txt").render(context).strip() + "\n",
        html=environment().get_template("messages/notice.html").render(context, style=STYLE),
        payload=payload.encode() if about.wording in {Wording.WEBHOOK, Wording.PUSH} else b"",
        sender=_sender(settings, page),
    )


def _sender(settings: Settings, page: PageView) -> str:
    """Who a page's mail is from."""
    return page.mail_from or settings.mail_from


def _email(settings: Settings, of: Words, channel: str) -> Letter:
    sender = _sender(settings, of.page)
    host = split(sender).domain or "localhost"
    root = f"<post.{of.post.public_id}@{host}>"
    is_first = of.update.sequence == 1
    context = _context(of)
    return Letter(
        channel=channel,
        subject=header_safe(f"[{of.page.name}] {of.post.title}"),
        text=environment().get_template("messages/update.txt").render(context),
        html=environment().get_template("messages/update.html").render(context, style=STYLE),
        message_id=root if is_first else f"<update.{of.update.public_id}@{host}>",
        in_reply_to="" if is_first else root,
        sender=sender,
    )


def _sms(_settings: Settings, of: Words, channel: str) -> Letter:
    said = shorten(" ".join(markdown_to_text(of.update.body).split()), SMS_WORDS)
    head = f"{of.page.name}: {words.status_word(of.update, of.before)}: {of.post.title}. {said}"
    text = fit(head, permalink(of.page.url, of.post.public_id))
    return Letter(channel, "", text, valid_until=of.update.next_update_by)


def _chat(_settings: Settings, of: Words, channel: str) -> Letter:
    text = environment().get_template("messages/chat.txt").render(_context(of)).strip()
    return Letter(channel, header_safe(f"{of.page.name}: {of.post.title}"), text)


def _webhook(_settings: Settings, of: Words, channel: str) -> Letter:
    verdict = {"indicator": of.snapshot.verdict.indicator.value, "text": of.snapshot.verdict.text}
    payload = webhook_payload(
        of.page, verdict, incident(of.snapshot, of.post), of.update.display_at, "{{unsubscribe_url}}"
    )
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Letter(channel, header_safe(of.post.title), "", payload=body)


def _push(_settings: Settings, of: Words, channel: str) -> Letter:
    """A later notice about the same post takes the place of one that was not shown yet."""
    said = shorten(" ".join(markdown_to_text(of.update.body).split()), PUSH_WORDS)
    shown = {
        "title": f"{of.page.name}: {words.status_word(of.update, of.before)}",
        "body": f"{of.post.title}\n{said}",
        "url": permalink(of.page.url, of.post.public_id),
        "tag": of.post.public_id,
    }
    return Letter(
        channel, header_safe(of.post.title), said, message_id=of.post.public_id,
        payload=json.dumps(shown, ensure_ascii=False).encode(), valid_until=of.update.next_update_by,
    )  # fmt: skip


def _shape(of: Words) -> ComponentStatus:
    """The status whose shape and colour stand for an update."""
    if of.update.status is PostStatus.CANCELLED:
        return ComponentStatus.UNKNOWN
    if of.update.status.is_terminal:
        return ComponentStatus.OPERATIONAL
    return ComponentStatus.UNDER_MAINTENANCE if of.post.kind is PostKind.MAINTENANCE else POST_SHAPES[of.post.impact]


def _context(of: Words) -> dict[str, object]:
    changes = [effect for effect in of.update.effects if not effect.is_same]
    by_status = sorted({effect.to_status for effect in changes}, key=lambda status: -status.severity_rank)
    return {
        "page": of.page,
        "post": of.post,
        "update": of.update,
        "zone": of.page.zone,
        "word": words.status_word(of.update, of.before),
        "shape": _shape(of),
        "glyphs": GLYPHS,
        "changes": changes,
        "grouped": [(status, [one.name for one in changes if one.to_status is status]) for status in by_status],
        "affected": [effect.name for effect in of.update.effects if effect.is_same],
        "url": permalink(of.page.url, of.post.public_id),
        "manage_url": "{{manage_url}}",
        "unsubscribe_url": "{{unsubscribe_url}}",
    }


_MAKERS: dict[Wording, Callable[[Settings, Words, str], Letter]] = {
    Wording.EMAIL: _email,
    Wording.SMS: _sms,
    Wording.CHAT: _chat,
    Wording.WEBHOOK: _webhook,
    Wording.PUSH: _push,
}
