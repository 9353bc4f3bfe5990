"""the states of subscribers agree with their times and with the suppressions"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SUPPRESSED = """EXISTS (
    SELECT 1 FROM suppression
    WHERE suppression.channel = subscriber.channel AND suppression.address_hash = subscriber.address_hash
)"""


def upgrade() -> None:
    """Before each state had one writer, some contradicted others.  Nothing was sent to an active subscriber whose
    address was suppressed, so they become what they were treated as.
    """
    for statement in (
        f"UPDATE subscriber SET state = 'quarantined' WHERE state = 'active' AND {SUPPRESSED}",
        "UPDATE subscriber SET confirmed_at = created_at WHERE state = 'active' AND confirmed_at IS NULL",
        "UPDATE subscriber SET confirmed_at = NULL WHERE state = 'unconfirmed'",
        "UPDATE subscriber SET disabled_why = '' WHERE state IN ('active', 'unconfirmed')",
        "UPDATE subscriber SET unsubscribed_at = NULL WHERE state <> 'unsubscribed'",
        "UPDATE subscriber SET unsubscribed_at = created_at WHERE state = 'unsubscribed' AND unsubscribed_at IS NULL",
    ):
        op.execute(statement)


def downgrade() -> None:
    """What agrees is right for the older version too."""
