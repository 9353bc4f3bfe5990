"""tokens and templates for programs, and what they keep with a post"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("begins", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.String(length=100), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("expires_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("revoked_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("last_used_at", app.db.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("public_id", name=op.f("uq_api_token_public_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    op.create_table(
        "incident_template",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("notify", sa.Boolean(), nullable=False),
        sa.Column("component_ids", sa.Text(), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("updated_at", app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_incident_template_page_id_page")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_template")),
        sa.UniqueConstraint("public_id", name=op.f("uq_incident_template_public_id")),
    )
    op.create_index(op.f("ix_incident_template_page_id"), "incident_template", ["page_id"])
    with op.batch_alter_table("post") as post:
        post.add_column(sa.Column("backfilled", sa.Boolean(), nullable=False, server_default=sa.false()))
        post.add_column(sa.Column("metadata_json", sa.Text(), nullable=False, server_default=""))
        post.add_column(sa.Column("postmortem_draft", sa.Text(), nullable=True))
        post.add_column(sa.Column("postmortem_draft_at", app.db.UtcDateTime(), nullable=True))
        post.create_index("ix_post_page_id_kind_started_at", ["page_id", "kind", "started_at"])


def downgrade() -> None:
    with op.batch_alter_table("post") as post:
        post.drop_index("ix_post_page_id_kind_started_at")
        for name in ("postmortem_draft_at", "postmortem_draft", "metadata_json", "backfilled"):
            post.drop_column(name)
    op.drop_table("incident_template")
    op.drop_table("api_token")
