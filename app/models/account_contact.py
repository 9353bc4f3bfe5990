"""Where people with an account are written to, and what they are sent.  No public room may import this module."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.db import Base
from app.models.delivery import WAITING_ORDER, LedgerRow, only_in
from app.text import public_id
from app.vocabulary import AccountNoticeKind, DeliveryState

_DEFAULT = text("is_default")


class AccountContact(Base):
    """An address at which a person with an account gets notices.  Until it is verified, it gets nothing but a code.

    The code itself isn't kept: it is made of the secret key and `code_version`.  `code_sent_at` is when it was asked
    for, `code_tries` how often a wrong one was typed since.
    """

    __tablename__ = "account_contact"
    __table_args__ = (
        UniqueConstraint("account_id", "channel", "address"),
        Index(
            "uq_account_contact_account_id_default",
            "account_id",
            unique=True,
            sqlite_where=_DEFAULT,
            postgresql_where=_DEFAULT,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    channel: Mapped[str] = mapped_column(String(16))
    address: Mapped[str] = mapped_column(String(2000))
    label: Mapped[str] = mapped_column(String(200), default="")
    is_default: Mapped[bool] = mapped_column(default=False)
    verified_at: Mapped[datetime | None] = mapped_column()
    code_version: Mapped[int] = mapped_column(default=0)
    code_sent_at: Mapped[datetime | None] = mapped_column()
    code_tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)


class AccountNotice(LedgerRow):
    """One notice to one person, accounted for like a delivery.  `contact_id` is None where there was none to send to.

    `path` is where in this installation it leads, such as "/board/…".  A code is in no row: it is put into the letter.
    """

    __tablename__ = "account_notice"
    __table_args__ = (
        only_in("ix_account_notice_waiting", WAITING_ORDER, DeliveryState.PENDING),
        only_in("ix_account_notice_leased_by", ("leased_by",), DeliveryState.SENDING),
    )
    batch_column = "account_id"
    recipient_column = "contact_id"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("account_contact.id", ondelete="SET NULL"), index=True)
    kind: Mapped[AccountNoticeKind] = mapped_column()
    subject: Mapped[str] = mapped_column(String(300))
    body: Mapped[str] = mapped_column(Text, default="")
    path: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
