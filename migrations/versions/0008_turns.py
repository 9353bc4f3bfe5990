"""work that one worker at a time does"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "turn",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("due_at", app.db.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_turn")),
    )


def downgrade() -> None:
    op.drop_table("turn")
