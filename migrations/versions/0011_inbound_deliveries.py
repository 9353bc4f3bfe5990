"""what outside systems send, stored as it came in"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inbound_delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("received_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_by", sa.String(length=32), nullable=False),
        sa.Column("leased_until", app.db.UtcDateTime(), nullable=True),
        sa.Column("processed_at", app.db.UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('stored', 'understood', 'not_understood', 'failed')", name=op.f("ck_inbound_delivery_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_delivery")),
        sa.UniqueConstraint("source", "key", name=op.f("uq_inbound_delivery_source_key")),
    )
    op.create_index(op.f("ix_inbound_delivery_received_at"), "inbound_delivery", ["received_at"])
    op.create_index("ix_inbound_delivery_state_id", "inbound_delivery", ["state", "id"])


def downgrade() -> None:
    op.drop_table("inbound_delivery")
