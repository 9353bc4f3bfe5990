"""Posts and their updates: the public thread."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import now
from app.db import Base
from app.text import public_id
from app.vocabulary import ComponentStatus, Impact, PostKind, PostStatus


class Post(Base):
    """The public thread.  `incident_id` is opaque: nothing public follows it.

    A `backfilled` one was written down after it was over.  `metadata_json` is what a program keeps with it for itself;
    neither that nor the draft of a post-mortem is ever shown.
    With `auto_start` and `auto_end` a maintenance starts and ends at its planned times without anybody.
    A `withdrawn_at` post was published by mistake: a stub is shown in its place.
    `changed_revision` is the page's revision at which the post last changed: what a refresh has to render again.
    """

    __tablename__ = "post"
    __table_args__ = (
        Index("ix_post_page_id_changed_revision", "page_id", "changed_revision"),
        Index("ix_post_page_id_started_at", "page_id", "started_at"),
        Index("ix_post_page_id_kind_started_at", "page_id", "kind", "started_at"),
        Index("ix_post_page_id_closed_at", "page_id", "closed_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    kind: Mapped[PostKind] = mapped_column()
    title: Mapped[str] = mapped_column(String(500))
    status: Mapped[PostStatus] = mapped_column()
    impact: Mapped[Impact] = mapped_column(default=Impact.NONE)
    impact_override: Mapped[Impact | None] = mapped_column()
    started_at: Mapped[datetime] = mapped_column(default=now)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    monitoring_at: Mapped[datetime | None] = mapped_column()
    resolved_at: Mapped[datetime | None] = mapped_column()
    closed_at: Mapped[datetime | None] = mapped_column()
    withdrawn_at: Mapped[datetime | None] = mapped_column()
    scheduled_for: Mapped[datetime | None] = mapped_column()
    scheduled_until: Mapped[datetime | None] = mapped_column()
    next_update_by: Mapped[datetime | None] = mapped_column()
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"), index=True)
    pinned: Mapped[bool] = mapped_column(default=False)
    auto_start: Mapped[bool] = mapped_column(default=False)
    auto_end: Mapped[bool] = mapped_column(default=False)
    backfilled: Mapped[bool] = mapped_column(default=False)
    metadata_json: Mapped[str] = mapped_column(Text, default="")
    postmortem_draft: Mapped[str | None] = mapped_column(Text)
    postmortem_draft_at: Mapped[datetime | None] = mapped_column()
    version: Mapped[int] = mapped_column(default=1)
    changed_revision: Mapped[int] = mapped_column(default=1)

    updates: Mapped[list["Update"]] = relationship(back_populates="post", order_by="Update.display_at.desc()")


class Update(Base):
    """One dated statement.  `body_html` is rendered once, at save, by the sanitizer.

    `sequence` counts from 1 within the post; `next_update_by` is the promise made with it, `impact_override` the impact
    that its author chose with it.  A `withdrawn_at` update shows a stub in its place; of a `redacted_at` one, text was
    removed for good.
    `fingerprint` is that of the request which made it: the same key with another one asks for something else.
    """

    __tablename__ = "update"
    __table_args__ = (UniqueConstraint("post_id", "sequence"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id"), index=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    sequence: Mapped[int] = mapped_column()
    status: Mapped[PostStatus] = mapped_column()
    body: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)
    display_at: Mapped[datetime] = mapped_column(default=now)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    corrected_at: Mapped[datetime | None] = mapped_column()
    withdrawn_at: Mapped[datetime | None] = mapped_column()
    redacted_at: Mapped[datetime | None] = mapped_column()
    impact_override: Mapped[Impact | None] = mapped_column()
    notify: Mapped[bool] = mapped_column(default=True)
    next_update_by: Mapped[datetime | None] = mapped_column()
    author: Mapped[str] = mapped_column(String(200), default="")
    idempotency_key: Mapped[str] = mapped_column(String(128), unique=True)
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(default=1)

    post: Mapped[Post] = relationship(back_populates="updates")
    effects: Mapped[list["UpdateEffect"]] = relationship(order_by="UpdateEffect.id")
    revisions: Mapped[list["UpdateRevision"]] = relationship(order_by="UpdateRevision.id")


class PostText(Base):
    """A post's title in a language other than the page's own."""

    __tablename__ = "post_text"
    __table_args__ = (UniqueConstraint("post_id", "language"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(500))


class UpdateText(Base):
    """What an update says in a language other than the page's own."""

    __tablename__ = "update_text"
    __table_args__ = (UniqueConstraint("update_id", "language"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    update_id: Mapped[int] = mapped_column(ForeignKey("update.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(String(16))
    body: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)


class UpdateEffect(Base):
    """What an update did to one component.  `name` is the component's name then ("Group - Component")."""

    __tablename__ = "update_effect"
    __table_args__ = (UniqueConstraint("update_id", "component_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    update_id: Mapped[int] = mapped_column(ForeignKey("update.id"), index=True)
    component_id: Mapped[int] = mapped_column(ForeignKey("component.id"), index=True)
    name: Mapped[str] = mapped_column(String(420), default="")
    from_status: Mapped[ComponentStatus] = mapped_column()
    to_status: Mapped[ComponentStatus] = mapped_column()


class UpdateRevision(Base):
    """What an update said before a correction, kept and shown.  `display_at` and `status` are those it had then, where
    the correction changed them.  `language` is that of a text in another language than the page's own.
    """

    __tablename__ = "update_revision"

    id: Mapped[int] = mapped_column(primary_key=True)
    update_id: Mapped[int] = mapped_column(ForeignKey("update.id"), index=True)
    language: Mapped[str | None] = mapped_column(String(16))
    body: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)
    display_at: Mapped[datetime | None] = mapped_column()
    status: Mapped[PostStatus | None] = mapped_column()
    replaced_at: Mapped[datetime] = mapped_column(default=now)
    replaced_by: Mapped[str] = mapped_column(String(200), default="")


class PostRevision(Base):
    """What a post's facts were before a correction, kept and shown.  Only what the correction changed is filled in.

    `components` are the names of the components that it was about then, one a line, hidden ones left out.
    `language` is that of a title in another language than the page's own.
    """

    __tablename__ = "post_revision"

    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id"), index=True)
    language: Mapped[str | None] = mapped_column(String(16))
    title: Mapped[str | None] = mapped_column(String(500))
    impact: Mapped[Impact | None] = mapped_column()
    scheduled_for: Mapped[datetime | None] = mapped_column()
    scheduled_until: Mapped[datetime | None] = mapped_column()
    components: Mapped[str | None] = mapped_column(Text)
    replaced_at: Mapped[datetime] = mapped_column(default=now)
    replaced_by: Mapped[str] = mapped_column(String(200), default="")


class PostComponent(Base):
    """The components a post is about: the union of its updates' effects.  It decides who is notified."""

    __tablename__ = "post_component"

    post_id: Mapped[int] = mapped_column(ForeignKey("post.id"), primary_key=True)
    component_id: Mapped[int] = mapped_column(ForeignKey("component.id"), primary_key=True, index=True)
