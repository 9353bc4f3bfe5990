"""the page's look, its languages, and announcements"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "page", sa.Column("languages", sa.String(length=200), nullable=False, server_default="en,de,fr,es,ja,ar")
    )
    op.add_column("page", sa.Column("accent", sa.String(length=7), nullable=False, server_default=""))
    # A page could be set to a language that there are no words in: it stays readable, in English.
    op.execute("UPDATE page SET locale = 'en' WHERE locale NOT IN ('en', 'de', 'fr', 'es', 'ja', 'ar')")
    op.create_table(
        "page_logo",
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.String(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_page_logo_page_id_page")),
        sa.PrimaryKeyConstraint("page_id", name=op.f("pk_page_logo")),
    )
    op.create_table(
        "announcement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("body_html", sa.Text(), nullable=False),
        sa.Column("starts_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("ends_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("updated_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_announcement_page_id_page")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcement")),
        sa.UniqueConstraint("public_id", name=op.f("uq_announcement_public_id")),
    )
    op.create_index(op.f("ix_announcement_page_id"), "announcement", ["page_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_announcement_page_id"), table_name="announcement")
    op.drop_table("announcement")
    op.drop_table("page_logo")
    with op.batch_alter_table("page", schema=None) as batch_op:
        batch_op.drop_column("accent")
        batch_op.drop_column("languages")
