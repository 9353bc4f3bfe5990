"""roles in incidents are accounts, drafts know their incident, and accounts have contacts and notices"""

import secrets

import sqlalchemy as sa
from alembic import op

import app.db
from app.schema_changes import changing_table, check_words, word_check

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ROLES = (
    "incident_commander",
    "deputy_incident_commander",
    "communications_lead",
    "deputy_communications_lead",
    "operations_lead",
    "deputy_operations_lead",
)
STATES = ("pending", "sending", "sent", "unknown", "failed", "skipped", "bounced")
NOTICE_KINDS = ("verify_contact", "role_given", "draft_not_published")
ID_LETTERS = "bcdfghjklmnpqrstvwxyz0123456789"
ONE_OF_THIS_NAME = "(SELECT count(*) FROM account WHERE account.name = incident_role.person) = 1"


def upgrade() -> None:
    with changing_table("incident_role") as role:
        role.add_column(sa.Column("account_id", sa.Integer(), nullable=True))
        role.create_foreign_key(op.f("fk_incident_role_account_id_account"), "account", ["account_id"], ["id"])
        check_words(role, "incident_role", "role", ROLES)
    op.create_index(op.f("ix_incident_role_account_id"), "incident_role", ["account_id"])
    # The typed name stays beside the account; where two accounts have it, nobody knows who was meant.
    op.execute(
        "UPDATE incident_role SET account_id = (SELECT id FROM account WHERE account.name = incident_role.person)"
        f" WHERE {ONE_OF_THIS_NAME}"
    )
    with changing_table("draft") as draft:
        draft.add_column(sa.Column("incident_id", sa.Integer(), nullable=True))
        draft.create_foreign_key(op.f("fk_draft_incident_id_incident"), "incident", ["incident_id"], ["id"])
    op.create_index(op.f("ix_draft_incident_id"), "draft", ["incident_id"])
    _create_contacts()
    _create_notices()
    _fill_contacts()


def downgrade() -> None:
    op.drop_table("account_notice")
    op.drop_table("account_contact")
    op.drop_index(op.f("ix_draft_incident_id"), table_name="draft")
    with changing_table("draft") as draft:
        draft.drop_constraint(op.f("fk_draft_incident_id_incident"), type_="foreignkey")
        draft.drop_column("incident_id")
    op.drop_index(op.f("ix_incident_role_account_id"), table_name="incident_role")
    with changing_table("incident_role", dropping_checks=["role"]) as role:
        role.drop_constraint(op.f("fk_incident_role_account_id_account"), type_="foreignkey")
        role.drop_column("account_id")


def _create_contacts() -> None:
    op.create_table(
        "account_contact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(32), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("address", sa.String(2000), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("verified_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("code_version", sa.Integer(), nullable=False),
        sa.Column("code_sent_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("code_tries", sa.Integer(), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], ondelete="CASCADE", name=op.f("fk_account_contact_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_contact")),
        sa.UniqueConstraint("public_id", name=op.f("uq_account_contact_public_id")),
        sa.UniqueConstraint(
            "account_id", "channel", "address", name=op.f("uq_account_contact_account_id_channel_address")
        ),
    )
    op.create_index(op.f("ix_account_contact_account_id"), "account_contact", ["account_id"])
    op.create_index(
        "uq_account_contact_account_id_default",
        "account_contact",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text("is_default"),
        postgresql_where=sa.text("is_default"),
    )


def _create_notices() -> None:
    op.create_table(
        "account_notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("path", sa.String(300), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("domain", sa.String(255), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("leased_until", app.db.UtcDateTime(), nullable=True),
        sa.Column("leased_by", sa.String(64), nullable=False),
        sa.Column("first_attempt_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("settled_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("provider_id", sa.String(128), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.CheckConstraint(word_check("kind", NOTICE_KINDS), name=op.f("ck_account_notice_kind")),
        sa.CheckConstraint(word_check("state", STATES), name=op.f("ck_account_notice_state")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], ondelete="CASCADE", name=op.f("fk_account_notice_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["account_contact.id"],
            ondelete="SET NULL",
            name=op.f("fk_account_notice_contact_id_account_contact"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_notice")),
    )
    for column in ("account_id", "contact_id"):
        op.create_index(op.f(f"ix_account_notice_{column}"), "account_notice", [column])
    for name, columns, state in (
        ("ix_account_notice_waiting", ["channel", "lane", "due_at", "id"], "pending"),
        ("ix_account_notice_leased_by", ["leased_by"], "sending"),
    ):
        only = sa.text(f"state = '{state}'")
        op.create_index(name, "account_notice", columns, sqlite_where=only, postgresql_where=only)


def _fill_contacts() -> None:
    """Everybody can be written to where they sign in."""
    account = sa.table("account", sa.column("id"), sa.column("email"), sa.column("created_at"))
    contact = sa.table(
        "account_contact",
        sa.column("public_id"),
        sa.column("account_id"),
        sa.column("channel"),
        sa.column("address"),
        sa.column("label"),
        sa.column("is_default", sa.Boolean()),
        sa.column("verified_at"),
        sa.column("code_version"),
        sa.column("code_tries"),
        sa.column("created_at"),
    )
    for account_id, email, created_at in op.get_bind().execute(sa.select(account).order_by(account.c.id)).all():
        op.execute(
            contact.insert().values(
                public_id="".join(secrets.choice(ID_LETTERS) for _ in range(12)),
                account_id=account_id,
                channel="email",
                address=email,
                label="",
                is_default=True,
                verified_at=created_at,
                code_version=0,
                code_tries=0,
                created_at=created_at,
            )
        )
