"""What a post does to the internal incident it speaks for, in the post's own transaction."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.clock import now
from app.models.incident import Incident, TimelineEntry
from app.models.post import Post
from app.models.record_link import RecordLink
from app.shapes import Actor
from app.vocabulary import PostStatus


def follow_post(session: Session, actor: Actor, post: Post, status: PostStatus) -> None:
    """Note the statement on the incident's timeline; resolve the incident with its last open post, or open it again."""
    if post.incident_id is None:
        return
    incident = session.get_one(Incident, post.incident_id)
    at = now()
    session.add(
        TimelineEntry(incident_id=incident.id, at=at, actor=actor.name, text=f"Told the public: {status.label}")
    )
    if not status.is_terminal:
        incident.resolved_at = None
        return
    others_open = session.scalar(
        select(exists().where(Post.incident_id == incident.id, Post.id != post.id, Post.closed_at.is_(None)))
    )
    if not others_open and incident.resolved_at is None:
        incident.resolved_at = at


def internal_words(session: Session, incident_id: int) -> tuple[str, ...]:
    """Words that must not reach the public: the incident's own id, its records' keys and addresses."""
    own = session.scalar(select(Incident.public_id).where(Incident.id == incident_id))
    links = session.execute(select(RecordLink.key, RecordLink.url).where(RecordLink.incident_id == incident_id))
    return (own or "", *(word for link in links for word in link))
