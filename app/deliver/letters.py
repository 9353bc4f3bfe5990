"""The texts of a batch: written once per dispatch, version, channel and language, then once per time zone."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from app.channels.registry import names as channel_names
from app.errors import NotFound
from app.models.delivery import Dispatch, Notice
from app.models.post import Post, Update
from app.publish import letter as words
from app.publish.letter import LetterContent, OpenLetter
from app.publish.snapshot import read_page
from app.settings import Settings
from app.shapes import Letter
from app.vocabulary import DispatchKind, Language, NoticeKind

UPDATES_KEPT = 8
LANGUAGES_KEPT = 24
ZONES_KEPT = 16
Value = TypeVar("Value")


class _Recent(Generic[Value]):
    """What was made last, up to a number of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: OrderedDict[Hashable, Value] = OrderedDict()

    def get_or_make(self, key: Hashable, make: Callable[[], Value]) -> Value:
        if key not in self._made:
            self._made[key] = make()
            while len(self._made) > self._most:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        return self._made[key]


class Letters:
    """The letters of recent dispatches: 24 languages on every channel, each in some time zones."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        languages = LANGUAGES_KEPT * len(channel_names())
        self.open: _Recent[OpenLetter] = _Recent(languages)
        self.filled: _Recent[Letter] = _Recent(languages * ZONES_KEPT)
        self._words: _Recent[LetterContent] = _Recent(UPDATES_KEPT)

    def of_dispatch(self, session: Session, dispatch_id: int, channel: str) -> "Edition":
        """The letters of a dispatch on a channel; a correction made meanwhile is in them.

        Raises:
            NotFound: the update was withdrawn meanwhile.
        """
        taken_back = Update.withdrawn_at.is_not(None) | Post.withdrawn_at.is_not(None)
        of_post = aliased(Update)
        newest = (
            select(func.max(of_post.id))
            .where(of_post.post_id == Dispatch.post_id)
            .correlate(Dispatch)
            .scalar_subquery()
        )
        update_id, version, kind, post_version, is_withdrawn = session.execute(
            select(Update.id, Update.version, Dispatch.kind, Post.version, taken_back)
            .select_from(Dispatch)
            .join(Update, Update.id == func.coalesce(Dispatch.update_id, newest))
            .join(Post, Post.id == Update.post_id)
            .where(Dispatch.id == dispatch_id)
        ).one()
        if is_withdrawn and kind is not DispatchKind.WITHDRAWAL:
            raise NotFound("This update was withdrawn.")
        # a letter may quote the whole post, of which another part may have been taken back
        stands = (version, post_version)
        of = self._words.get_or_make((update_id, stands), lambda: words.read_words(session, update_id))
        return Edition(self, of, stands, channel, kind)


class Edition:
    """One version of a dispatch's letter on one channel, in every language and time zone."""

    def __init__(
        self, letters: Letters, of: LetterContent, version: tuple[int, int], channel: str, kind: DispatchKind
    ) -> None:
        self._letters = letters
        self._of = of
        self._channel = channel
        self._kind = kind
        self._key = (of.update.id, version, channel, kind)

    def letter(self, language: str = "", time_zone: str = "") -> Letter:
        """The letter in a recipient's language and time zone; the page's where they are empty or not known."""
        spoken = Language.of(language, self._of.page.language)
        zone = _zone(time_zone) or self._of.page.zone
        key = (*self._key, spoken)
        worded = self._letters.open.get_or_make(
            key, lambda: words.open_letter(self._letters.settings, self._of, self._channel, spoken, self._kind)
        )
        return self._letters.filled.get_or_make((*key, zone.key), lambda: worded.in_zone(zone))


def _zone(name: str) -> ZoneInfo | None:
    """The zone of this name; None when there is none: a subscriber's may have come from elsewhere."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


def notice_letter(session: Session, settings: Settings, notice: Notice, language: str = "") -> Letter:
    """The words of a single notice, in the recipient's language."""
    page = read_page(session, notice.page_id)
    spoken = Language.of(language, page.language)
    return words.confirmation(settings, page, notice.channel, NoticeKind(notice.kind), spoken)
