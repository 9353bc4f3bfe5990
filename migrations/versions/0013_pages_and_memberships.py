"""several pages: their addresses, memberships, tokens and audit lines; closed vocabularies checked"""

import sqlalchemy as sa
from alembic import op

from app.schema_changes import changing_table, check_words, word_check

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

VISIBILITIES = ("public", "private", "internal")
ROLES = ("viewer", "responder", "lead", "admin")
COMPONENT_STATUSES = (
    "operational",
    "under_maintenance",
    "unknown",
    "degraded_performance",
    "partial_outage",
    "major_outage",
)


def upgrade() -> None:
    with changing_table("page") as batch:
        # Feed ids are made of it, so it never changes, whatever the page's address becomes
        batch.alter_column("host", new_column_name="feed_authority")
        batch.alter_column("audience", new_column_name="visibility")
        batch.add_column(sa.Column("hosts", sa.Text(), nullable=False, server_default=""))
    with changing_table("page") as batch:
        check_words(batch, "page", "visibility", VISIBILITIES)

    op.create_table(
        "membership",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=True),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.CheckConstraint(sa.text(word_check("role", ROLES)), name=op.f("ck_membership_role")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_membership_account_id_account"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_membership_page_id_page"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
        sa.UniqueConstraint("account_id", "page_id", name=op.f("uq_membership_account_id_page_id")),
    )
    op.create_index(op.f("ix_membership_page_id"), "membership", ["page_id"])
    on_all_pages = sa.text("page_id IS NULL")
    op.create_index(
        "uq_membership_account_id_all_pages",
        "membership",
        ["account_id"],
        unique=True,
        sqlite_where=on_all_pages,
        postgresql_where=on_all_pages,
    )
    op.execute("INSERT INTO membership (account_id, page_id, role) SELECT id, NULL, role FROM account ORDER BY id")
    with changing_table("account") as batch:
        batch.drop_column("role")

    with changing_table("api_token") as batch:
        batch.add_column(sa.Column("page_id", sa.Integer(), nullable=True))
        batch.create_foreign_key(op.f("fk_api_token_page_id_page"), "page", ["page_id"], ["id"], ondelete="CASCADE")

    # Plain ALTERs: a batch change would make the table again, without the triggers that keep it append-only
    op.add_column("audit_entry", sa.Column("page_id", sa.Integer(), nullable=True))
    op.add_column("audit_entry", sa.Column("before", sa.Text(), nullable=True))
    op.add_column("audit_entry", sa.Column("after", sa.Text(), nullable=True))
    op.add_column("audit_entry", sa.Column("hash_version", sa.Integer(), nullable=False, server_default="1"))

    with changing_table("component") as batch:
        check_words(batch, "component", "status", COMPONENT_STATUSES)
    with changing_table("component_change") as batch:
        check_words(batch, "component_change", "from_status", COMPONENT_STATUSES)
        check_words(batch, "component_change", "to_status", COMPONENT_STATUSES)


def downgrade() -> None:
    with changing_table("component_change", dropping_checks=("from_status", "to_status")):
        pass
    with changing_table("component", dropping_checks=("status",)):
        pass
    for column in ("hash_version", "after", "before", "page_id"):
        op.drop_column("audit_entry", column)

    # A token of one page would open all of them
    op.execute("UPDATE api_token SET revoked_at = created_at WHERE page_id IS NOT NULL AND revoked_at IS NULL")
    with changing_table("api_token") as batch:
        batch.drop_constraint(op.f("fk_api_token_page_id_page"), type_="foreignkey")
        batch.drop_column("page_id")

    # Nobody may do more than before: a role on some pages alone is none on all of them
    op.add_column("account", sa.Column("role", sa.String(length=16), nullable=False, server_default="viewer"))
    theirs = "SELECT role FROM membership WHERE account_id = account.id AND page_id IS NULL"
    op.execute(f"UPDATE account SET role = COALESCE(({theirs}), 'viewer')")
    op.drop_table("membership")

    with changing_table("page", dropping_checks=("visibility",)):
        pass
    with changing_table("page") as batch:
        batch.drop_column("hosts")
        batch.alter_column("visibility", new_column_name="audience")
        batch.alter_column("feed_authority", new_column_name="host")
