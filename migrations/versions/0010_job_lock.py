"""job locks by their usual name"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _move(old: str, new: str) -> None:
    op.create_table(
        new,
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("due_at", app.db.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f(f"pk_{new}")),
    )
    op.execute(f"INSERT INTO {new} (name, due_at) SELECT name, due_at FROM {old}")
    op.drop_table(old)


def upgrade() -> None:
    _move("turn", "job_lock")


def downgrade() -> None:
    _move("job_lock", "turn")
