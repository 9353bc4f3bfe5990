"""Posts as incidents: the requested part of a list."""

from sqlalchemy import ColumnElement, select

from app.models.post import Post
from app.publish.statuspage_json import Document
from app.publish.views import PageView
from app.web.api.documents import incident_documents
from app.web.api.paging import chosen


def newest(page: PageView, *where: ColumnElement[bool]) -> list[Document]:
    """The page's posts that fit, newest first, those that are asked for."""
    query = select(Post.id).where(Post.page_id == page.id, Post.withdrawn_at.is_(None), *where)
    return incident_documents(page, Post.id.in_(chosen(query.order_by(Post.started_at.desc(), Post.id.desc()))))
