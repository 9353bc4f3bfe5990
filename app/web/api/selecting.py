"""Choosing the part of a list that is asked for, in the database and not in memory."""

from sqlalchemy import ColumnElement, select

from app.db import session
from app.models.post import Post
from app.publish.views import PageView
from app.web.api.documents import Document, incident_documents


def newest(page: PageView, first: int, count: int, *where: ColumnElement[bool]) -> list[Document]:
    """The page's posts that fit, newest first, `count` of them from the `first` on."""
    chosen = session().scalars(
        select(Post.id)
        .where(Post.page_id == page.id, *where)
        .order_by(Post.started_at.desc(), Post.id.desc())
        .offset(first)
        .limit(count)
    )
    return incident_documents(page, Post.id.in_(list(chosen)))
