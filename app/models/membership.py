"""Memberships: an account's role on a page, or on all."""

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.vocabulary import Role

_ON_ALL_PAGES = text("page_id IS NULL")


class Membership(Base):
    """An account's role on a page, or on all pages where `page_id` is None."""

    __tablename__ = "membership"
    __table_args__ = (
        UniqueConstraint("account_id", "page_id"),
        Index(  # NULLs are distinct, so the constraint alone would let one account have two roles on all pages
            "uq_membership_account_id_all_pages",
            "account_id",
            unique=True,
            sqlite_where=_ON_ALL_PAGES,
            postgresql_where=_ON_ALL_PAGES,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    page_id: Mapped[int | None] = mapped_column(ForeignKey("page.id", ondelete="CASCADE"), index=True)
    role: Mapped[Role] = mapped_column()
