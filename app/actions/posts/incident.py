"""A post's effects on its internal incident, in the post's transaction."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.clock import now
from app.models.incident import Incident, TimelineEntry
from app.models.post import Post
from app.models.record_link import RecordLink
from app.shapes import Actor
from app.states import incidents as states
from app.vocabulary import PostStatus


def follow_post(session: Session, actor: Actor, post: Post, status: PostStatus) -> None:
    """Note a statement on the incident's timeline; resolve the incident with its last open post, or open it again."""
    note_for_post(session, actor, post, f"Told the public: {status.label}")
    settle_incident(session, post, status)


def note_for_post(session: Session, actor: Actor, post: Post, text: str) -> None:
    """Write a line into the timeline of the incident that a post speaks for, if it speaks for one."""
    if post.incident_id is not None:
        session.add(TimelineEntry(incident_id=post.incident_id, at=now(), actor=actor.name, text=text))


def settle_incident(session: Session, post: Post, status: PostStatus) -> None:
    """Resolve the incident that a post speaks for with its last open post; open it again with one that isn't over."""
    if post.incident_id is None:
        return
    incident = session.get_one(Incident, post.incident_id)
    at = now()
    if not status.is_terminal:
        states.reopen(incident)
        return
    others_open = session.scalar(
        select(exists().where(Post.incident_id == incident.id, Post.id != post.id, Post.closed_at.is_(None)))
    )
    if not others_open:
        states.resolve(incident, at)


def internal_words(session: Session, incident_id: int) -> tuple[str, ...]:
    """Words that must not reach the public: the incident's own id, its records' keys and addresses."""
    own = session.scalar(select(Incident.public_id).where(Incident.id == incident_id))
    links = session.execute(select(RecordLink.key, RecordLink.url).where(RecordLink.incident_id == incident_id))
    return (own or "", *(word for link in links for word in link))
