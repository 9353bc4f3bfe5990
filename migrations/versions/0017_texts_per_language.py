"""titles, texts and names in languages other than the page's own"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

LINE_LENGTHS = {"post_text": 500, "announcement_text": 500, "template_text": 200}
TABLES = {
    "post_text": ("post_id", "post", ("title",)),
    "update_text": ("update_id", "update", ("body", "body_html")),
    "component_text": ("component_id", "component", ("name", "description")),
    "component_group_text": ("group_id", "component_group", ("name", "description")),
    "announcement_text": ("announcement_id", "announcement", ("title", "body", "body_html")),
    "template_text": ("template_id", "incident_template", ("title", "body")),
}
"""Each with the column and the table of what it belongs to, and its words."""

REVISIONS = ("update_revision", "post_revision")


def upgrade() -> None:
    for table, (owner, target, words) in TABLES.items():
        op.create_table(
            table,
            sa.Column("id", sa.Integer(), nullable=False),
            sa.Column(owner, sa.Integer(), nullable=False),
            sa.Column("language", sa.String(16), nullable=False),
            *(sa.Column(name, _kind(table, name), nullable=False) for name in words),
            sa.ForeignKeyConstraint(
                [owner], [f"{target}.id"], name=op.f(f"fk_{table}_{owner}_{target}"), ondelete="CASCADE"
            ),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
            sa.UniqueConstraint(owner, "language", name=op.f(f"uq_{table}_{owner}_language")),
        )
    for table in REVISIONS:
        op.add_column(table, sa.Column("language", sa.String(16), nullable=True))


def _kind(table: str, name: str) -> sa.String:
    return sa.String(LINE_LENGTHS.get(table, 200)) if name in {"title", "name"} else sa.Text()


def downgrade() -> None:
    """Former texts in other languages go with the texts: without their language they would be taken for the page's."""
    for table in REVISIONS:
        op.execute(f"DELETE FROM {table} WHERE language IS NOT NULL")
        with op.batch_alter_table(table) as batch:
            batch.drop_column("language")
    for table in reversed(TABLES):
        op.drop_table(table)
