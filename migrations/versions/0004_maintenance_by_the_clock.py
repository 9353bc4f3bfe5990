"""maintenance that begins and ends by the clock"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("starts_itself", "ends_itself"):
        op.add_column("post", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    with op.batch_alter_table("post") as batch:
        batch.drop_column("ends_itself")
        batch.drop_column("starts_itself")
