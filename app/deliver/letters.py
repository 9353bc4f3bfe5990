"""The words of a batch: made once per update, version and channel, then filled in per recipient."""

from collections import OrderedDict

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from app.models.delivery import Dispatch, Notice
from app.models.post import Update
from app.publish import letter as words
from app.publish.snapshot import read_page
from app.settings import Settings
from app.shapes import Letter
from app.vocabulary import DispatchKind, NoticeKind

KEPT = 64


class Letters:
    """The letters of recent dispatches, by update, its version, what the dispatch sends, and channel."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: OrderedDict[tuple[int, int, DispatchKind, str], Letter] = OrderedDict()

    def of_dispatch(self, session: Session, dispatch_id: int, channel: str) -> Letter:
        """The letter of a dispatch's update on a channel; a correction made meanwhile is in it."""
        of_post = aliased(Update)
        newest = (
            select(func.max(of_post.id))
            .where(of_post.post_id == Dispatch.post_id)
            .correlate(Dispatch)
            .scalar_subquery()
        )
        update_id, version, kind = session.execute(
            select(Update.id, Update.version, Dispatch.kind)
            .join(Dispatch, Update.id == func.coalesce(Dispatch.update_id, newest))
            .where(Dispatch.id == dispatch_id)
        ).one()
        key = (update_id, version, kind, channel)
        if key not in self._made:
            self._made[key] = words.word(self._settings, words.read_words(session, update_id), channel)
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
        return self._made[key]


def notice_letter(session: Session, settings: Settings, notice: Notice) -> Letter:
    """The words of a single notice."""
    page = read_page(session, notice.page_id)
    return words.confirmation(settings, page, notice.channel, NoticeKind(notice.kind))
