"""who follows one post, and when an update was dated before it was moved"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subscriber_post",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_subscriber_post_subscriber_id_subscriber"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["post_id"], ["post.id"], name=op.f("fk_subscriber_post_post_id_post"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber_post")),
        sa.UniqueConstraint("subscriber_id", "post_id", name=op.f("uq_subscriber_post_subscriber_id_post_id")),
    )  # fmt: skip
    op.create_index(op.f("ix_subscriber_post_post_id"), "subscriber_post", ["post_id"])
    with op.batch_alter_table("update_revision") as revision_table:
        revision_table.add_column(sa.Column("display_at", app.db.UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("update_revision") as revision_table:
        revision_table.drop_column("display_at")
    op.drop_table("subscriber_post")
