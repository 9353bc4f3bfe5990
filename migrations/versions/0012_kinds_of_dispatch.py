"""what a dispatch sends, the language of a delivery, and CHECKs for the states of the ledger and of subscribers"""

import sqlalchemy as sa
from alembic import op

from app.schema_changes import changing_table, check_words

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

DISPATCH_KINDS = ("update", "correction", "withdrawal", "reminder", "post-mortem", "notice")
DISPATCH_STATES = ("held", "sending", "done", "cancelled")
DELIVERY_STATES = ("pending", "sending", "sent", "unknown", "failed", "skipped", "bounced")
NOTICE_KINDS = ("update", "confirm", "manage", "follows", "canary", "disabled")
SUBSCRIBER_STATES = ("unconfirmed", "active", "quarantined", "unsubscribed")
ONE_OF_A_KIND = "uq_dispatch_post_id_kind_sequence"
LEDGERS = ("delivery", "notice")


def upgrade() -> None:
    with changing_table("dispatch") as dispatch:
        dispatch.add_column(sa.Column("kind", sa.String(length=16), nullable=False, server_default="update"))
        dispatch.add_column(sa.Column("sequence", sa.Integer(), nullable=False, server_default="1"))
        dispatch.alter_column("update_id", existing_type=sa.Integer(), nullable=True)
        dispatch.drop_constraint("uq_dispatch_update_id", type_="unique")
        dispatch.create_unique_constraint("uq_dispatch_update_id_kind_sequence", ["update_id", "kind", "sequence"])
        check_words(dispatch, "dispatch", "kind", DISPATCH_KINDS)
        check_words(dispatch, "dispatch", "state", DISPATCH_STATES)
        dispatch.create_check_constraint(
            op.f("ck_dispatch_update_id"), sa.text("update_id IS NOT NULL OR kind NOT IN ('update', 'correction')")
        )
    without = sa.text("update_id IS NULL")
    op.create_index(
        ONE_OF_A_KIND,
        "dispatch",
        ["post_id", "kind", "sequence"],
        unique=True,
        sqlite_where=without,
        postgresql_where=without,
    )
    _drop_partial_indexes()
    with changing_table("delivery") as delivery:
        delivery.add_column(sa.Column("language", sa.String(length=16), nullable=False, server_default=""))
        check_words(delivery, "delivery", "state", DELIVERY_STATES)
    with changing_table("notice") as notice:
        check_words(notice, "notice", "state", DELIVERY_STATES)
        check_words(notice, "notice", "kind", NOTICE_KINDS)
    _create_partial_indexes()
    with changing_table("subscriber") as subscriber:
        check_words(subscriber, "subscriber", "state", SUBSCRIBER_STATES)
    # Nobody chose a language so far: "en" was written for everybody, and letters were in the page's language.
    op.execute("UPDATE subscriber SET locale = '' WHERE locale = 'en'")


def downgrade() -> None:
    op.execute("UPDATE subscriber SET locale = 'en' WHERE locale = ''")
    with changing_table("subscriber", dropping_checks=["state"]):
        pass
    _forget_other_kinds()
    _drop_partial_indexes()
    with changing_table("notice", dropping_checks=["state", "kind"]):
        pass
    with changing_table("delivery", dropping_checks=["state"]) as delivery:
        delivery.drop_column("language")
    _create_partial_indexes()
    op.drop_index(ONE_OF_A_KIND, table_name="dispatch")
    with changing_table("dispatch", dropping_checks=["kind", "state", "update_id"]) as dispatch:
        dispatch.drop_constraint("uq_dispatch_update_id_kind_sequence", type_="unique")
        dispatch.alter_column("update_id", existing_type=sa.Integer(), nullable=False)
        dispatch.create_unique_constraint("uq_dispatch_update_id", ["update_id"])
        dispatch.drop_column("sequence")
        dispatch.drop_column("kind")


def _drop_partial_indexes() -> None:
    """Batch mode makes a table anew from what it reads of it, and it does not read the condition of an index."""
    for table in LEDGERS:
        op.drop_index(f"ix_{table}_waiting", table_name=table)
        op.drop_index(f"ix_{table}_leased_by", table_name=table)


def _create_partial_indexes() -> None:
    for table in LEDGERS:
        for name, columns, state in (
            ("waiting", ["channel", "lane", "due_at", "id"], "pending"),
            ("leased_by", ["leased_by"], "sending"),
        ):
            only = sa.text(f"state = '{state}'")
            op.create_index(f"ix_{table}_{name}", table, columns, sqlite_where=only, postgresql_where=only)


def _forget_other_kinds() -> None:
    """There was only the one dispatch of an update: what the older version has no place for goes."""
    theirs = "SELECT id FROM delivery WHERE dispatch_id IN (SELECT id FROM dispatch WHERE kind <> 'update')"
    op.execute(f"UPDATE mail_event SET delivery_id = NULL WHERE delivery_id IN ({theirs})")
    op.execute(f"DELETE FROM delivery_attempt WHERE delivery_id IN ({theirs})")
    op.execute("DELETE FROM delivery WHERE dispatch_id IN (SELECT id FROM dispatch WHERE kind <> 'update')")
    op.execute("DELETE FROM dispatch WHERE kind <> 'update'")
