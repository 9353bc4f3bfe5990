"""Drafts, with their editors and approvals."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import now
from app.db import Base
from app.text import public_id
from app.vocabulary import ComponentStatus, DraftState, Impact, PostKind, PostStatus, Severity


class Draft(Base):
    """One update, or one new post (`post_id` None), before it is published.

    `incident_id` is the internal incident that a new post will speak for; an update's is its post's.
    `base_version` is the post's version that the author saw.  `approved_hash` is that of the exact content that was
    approved or scheduled.  `publish_at` is when a scheduled draft is published.  `problem` says why that failed.
    `update_id` is what it became.  `idempotency_key` and `fingerprint` are those of the request to publish it that
    waits for the hold to end; the update will have them.
    """

    __tablename__ = "draft"
    __table_args__ = (
        Index("ix_draft_page_id_state", "page_id", "state"),
        Index("ix_draft_state_publish_at", "state", "publish_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    post_id: Mapped[int | None] = mapped_column(ForeignKey("post.id"), index=True)
    state: Mapped[DraftState] = mapped_column(default=DraftState.EDITING)
    kind: Mapped[PostKind] = mapped_column()
    status: Mapped[PostStatus] = mapped_column()
    impact_override: Mapped[Impact | None] = mapped_column()
    notify: Mapped[bool] = mapped_column(default=True)
    promise_minutes: Mapped[int | None] = mapped_column()
    next_update_by: Mapped[datetime | None] = mapped_column()
    scheduled_for: Mapped[datetime | None] = mapped_column()
    scheduled_until: Mapped[datetime | None] = mapped_column()
    auto_start: Mapped[bool] = mapped_column(default=False)
    auto_end: Mapped[bool] = mapped_column(default=False)
    severity: Mapped[Severity | None] = mapped_column()
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"), index=True)
    record_links_json: Mapped[str] = mapped_column(Text, default="[]")
    acknowledged: Mapped[bool] = mapped_column(default=False)
    base_version: Mapped[int | None] = mapped_column()
    approved_hash: Mapped[str] = mapped_column(String(64), default="")
    publish_at: Mapped[datetime | None] = mapped_column()
    idempotency_key: Mapped[str | None] = mapped_column(String(128), unique=True)
    fingerprint: Mapped[str] = mapped_column(String(64), default="")
    problem: Mapped[str] = mapped_column(String(300), default="")
    update_id: Mapped[int | None] = mapped_column(ForeignKey("update.id"), index=True)
    created_by: Mapped[str] = mapped_column(String(200), default="")
    edited_by: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    version: Mapped[int] = mapped_column(default=1)

    texts: Mapped[list["DraftText"]] = relationship(order_by="DraftText.language", cascade="all, delete-orphan")
    effects: Mapped[list["DraftEffect"]] = relationship(
        order_by="DraftEffect.component_id", cascade="all, delete-orphan"
    )


class DraftText(Base):
    """The title and body of a draft in one language."""

    __tablename__ = "draft_text"

    draft_id: Mapped[int] = mapped_column(ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str] = mapped_column(String(16), primary_key=True)
    title: Mapped[str] = mapped_column(String(500), default="")
    body: Mapped[str] = mapped_column(Text, default="")


class DraftEffect(Base):
    """What a draft will do to one component; `status` None names it and leaves it as it is."""

    __tablename__ = "draft_effect"

    draft_id: Mapped[int] = mapped_column(ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True)
    component_id: Mapped[int] = mapped_column(ForeignKey("component.id"), primary_key=True, index=True)
    status: Mapped[ComponentStatus | None] = mapped_column()


class DraftEditor(Base):
    """An account that has edited a draft since it was last approved: none of them may approve it."""

    __tablename__ = "draft_editor"

    draft_id: Mapped[int] = mapped_column(ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True, index=True)


class Approval(Base):
    """One person's approval of exactly one content, with one row for each of its authors.

    The database itself keeps author and approver apart.  `author_id` is None when only programs wrote it.
    """

    __tablename__ = "approval"
    __table_args__ = (
        CheckConstraint("author_id IS NULL OR author_id <> approver_id", name="author_is_not_approver"),
        UniqueConstraint("draft_id", "content_hash", "author_id", "approver_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("draft.id", ondelete="CASCADE"), index=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    approver_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    approved_at: Mapped[datetime] = mapped_column(default=now)
