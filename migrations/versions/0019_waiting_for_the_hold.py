"""a page may wait with what it publishes until the hold ends"""

import sqlalchemy as sa
from alembic import op

from app.schema_changes import changing_table

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with changing_table("page") as page:
        page.add_column(sa.Column("waits_for_hold", sa.Boolean(), nullable=False, server_default=sa.false()))
    with changing_table("draft") as draft:
        draft.add_column(sa.Column("idempotency_key", sa.String(length=128), nullable=True))
        draft.add_column(sa.Column("fingerprint", sa.String(length=64), nullable=False, server_default=""))
        draft.create_unique_constraint(op.f("uq_draft_idempotency_key"), ["idempotency_key"])


def downgrade() -> None:
    with changing_table("draft") as draft:
        draft.drop_constraint(op.f("uq_draft_idempotency_key"), type_="unique")
        draft.drop_column("fingerprint")
        draft.drop_column("idempotency_key")
    with changing_table("page") as page:
        page.drop_column("waits_for_hold")
