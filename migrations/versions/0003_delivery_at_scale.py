"""lanes, destinations, limits, attempts and what comes back"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LEDGERS = ("delivery", "notice")


def upgrade() -> None:
    op.add_column("page", sa.Column("mail_from", sa.String(length=254), nullable=False, server_default=""))
    op.add_column("dispatch", sa.Column("urgency", sa.Integer(), nullable=False, server_default="2"))
    op.add_column("dispatch", sa.Column("planned_through", sa.Integer(), nullable=False, server_default="0"))
    for column in (
        sa.Column("domain", sa.String(length=255), nullable=False, server_default=""),
        sa.Column("previous_secret", sa.String(length=128), nullable=False, server_default=""),
        sa.Column("previous_secret_until", app.db.UtcDateTime(), nullable=True),
        sa.Column("owner_email", sa.String(length=254), nullable=False, server_default=""),
        sa.Column("failing_since", app.db.UtcDateTime(), nullable=True),
        sa.Column("disabled_why", sa.String(length=200), nullable=False, server_default=""),
        sa.Column("is_canary", sa.Boolean(), nullable=False, server_default=sa.false()),
    ):
        op.add_column("subscriber", column)
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    domain = "substr(address, instr(address, '@') + 1)" if is_sqlite else "split_part(address, '@', 2)"
    op.execute(f"UPDATE subscriber SET domain = {domain} WHERE channel = 'email'")
    op.drop_index("ix_delivery_claim", table_name="delivery")
    op.drop_index("ix_delivery_leased_by", table_name="delivery")
    op.drop_index("ix_delivery_dispatch_id_state", table_name="delivery")
    op.drop_index("ix_notice_claim", table_name="notice")
    for table in LEDGERS:
        lane = "0" if table == "notice" else "2"
        op.add_column(table, sa.Column("lane", sa.Integer(), nullable=False, server_default=lane))
        op.add_column(table, sa.Column("domain", sa.String(length=255), nullable=False, server_default=""))
        op.create_index(f"ix_{table}_waiting", table, ["channel", "lane", "due_at", "id"], **_only("pending"))
        op.create_index(f"ix_{table}_leased_by", table, ["leased_by"], **_only("sending"))
    op.create_index("ix_delivery_dispatch_id_channel_state", "delivery", ["dispatch_id", "channel", "state"])
    _create_tables()


def _only(state: str) -> dict[str, sa.TextClause]:
    condition = sa.text(f"state = '{state}'")
    return {"sqlite_where": condition, "postgresql_where": condition}


def _create_tables() -> None:
    op.create_table(
        "delivery_attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("at", app.db.UtcDateTime(), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_delivery_attempt_delivery_id_delivery")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempt")),
    )
    op.create_index(op.f("ix_delivery_attempt_delivery_id"), "delivery_attempt", ["delivery_id"])
    op.create_table(
        "send_limit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("per_second", sa.Float(), nullable=True),
        sa.Column("connections", sa.Integer(), nullable=True),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("refilled_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("paused_why", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_send_limit")),
        sa.UniqueConstraint("channel", "domain", name=op.f("uq_send_limit_channel_domain")),
    )
    op.create_table(
        "mail_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("source_id", sa.String(length=200), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=True),
        sa.Column("permanent", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("at", app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_mail_event_delivery_id_delivery")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_event")),
        sa.UniqueConstraint("source", "source_id", name=op.f("uq_mail_event_source_source_id")),
    )
    op.create_index(op.f("ix_mail_event_delivery_id"), "mail_event", ["delivery_id"])
    op.create_index("ix_mail_event_kind_at", "mail_event", ["kind", "at"])
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("sentence", sa.String(length=300), nullable=False),
        sa.Column("raised_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("over_at", app.db.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_alarm_kind_subject")),
    )


def downgrade() -> None:
    for table in ("alarm", "mail_event", "send_limit", "delivery_attempt"):
        op.drop_table(table)
    op.drop_index("ix_delivery_dispatch_id_channel_state", table_name="delivery")
    for table in LEDGERS:
        op.drop_index(f"ix_{table}_leased_by", table_name=table)
        op.drop_index(f"ix_{table}_waiting", table_name=table)
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("domain")
            batch_op.drop_column("lane")
        op.create_index(f"ix_{table}_claim", table, ["channel", "state", "attempts", "due_at", "id"])
    op.create_index("ix_delivery_leased_by", "delivery", ["leased_by"])
    op.create_index("ix_delivery_dispatch_id_state", "delivery", ["dispatch_id", "state"])
    with op.batch_alter_table("subscriber", schema=None) as batch_op:
        for column in (
            "is_canary", "disabled_why", "failing_since", "owner_email", "previous_secret_until", "previous_secret",
            "domain",
        ):  # fmt: skip
            batch_op.drop_column(column)
    with op.batch_alter_table("dispatch", schema=None) as batch_op:
        batch_op.drop_column("planned_through")
        batch_op.drop_column("urgency")
    with op.batch_alter_table("page", schema=None) as batch_op:
        batch_op.drop_column("mail_from")
