"""updates and posts that are withdrawn or redacted, corrected facts of posts, automatic start and end, and CHECKs"""

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

import app.db
from app.schema_changes import changing_table, check_words

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

KINDS = ("incident", "maintenance")
STATUSES = (
    "investigating",
    "identified",
    "monitoring",
    "resolved",
    "postmortem",
    "scheduled",
    "in_progress",
    "verifying",
    "completed",
    "cancelled",
)
IMPACTS = ("none", "maintenance", "minor", "major", "critical")
COMPONENT_STATUSES = (
    "operational",
    "under_maintenance",
    "unknown",
    "degraded_performance",
    "partial_outage",
    "major_outage",
)
SEVERITIES = ("P0", "P1", "P2", "P3")
POST_WORDS = {"kind": KINDS, "status": STATUSES, "impact": IMPACTS, "impact_override": IMPACTS}
WIDENED = {"post": tuple(POST_WORDS), "update": ("status",), "incident": ("severity",)}
FORMER_LENGTHS = {"post": 16, "update": 16, "incident": 4}


def upgrade() -> None:
    with changing_table("post") as post:
        _resize(post, "post", 32)
        post.alter_column("starts_itself", new_column_name="auto_start", existing_type=sa.Boolean())
        post.alter_column("ends_itself", new_column_name="auto_end", existing_type=sa.Boolean())
        post.add_column(sa.Column("withdrawn_at", app.db.UtcDateTime(), nullable=True))
        for name, words in POST_WORDS.items():
            check_words(post, "post", name, words)
    with changing_table("update") as update:
        _resize(update, "update", 32)
        update.add_column(sa.Column("withdrawn_at", app.db.UtcDateTime(), nullable=True))
        update.add_column(sa.Column("redacted_at", app.db.UtcDateTime(), nullable=True))
        update.add_column(sa.Column("impact_override", sa.String(32), nullable=True))
        check_words(update, "update", "status", STATUSES)
        check_words(update, "update", "impact_override", IMPACTS)
    with changing_table("update_effect") as effect:
        check_words(effect, "update_effect", "from_status", COMPONENT_STATUSES)
        check_words(effect, "update_effect", "to_status", COMPONENT_STATUSES)
    with changing_table("update_revision") as former:
        former.add_column(sa.Column("status", sa.String(32), nullable=True))
        check_words(former, "update_revision", "status", STATUSES)
    with changing_table("incident") as incident:
        _resize(incident, "incident", 32)
        check_words(incident, "incident", "severity", SEVERITIES)
    with changing_table("page") as page:
        page.add_column(sa.Column("purge_revision", sa.Integer(), nullable=False, server_default="1"))
    op.create_table(
        "post_revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(500), nullable=True),
        sa.Column("impact", sa.String(32), nullable=True),
        sa.Column("scheduled_for", app.db.UtcDateTime(), nullable=True),
        sa.Column("scheduled_until", app.db.UtcDateTime(), nullable=True),
        sa.Column("components", sa.Text(), nullable=True),
        sa.Column("replaced_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("replaced_by", sa.String(200), nullable=False),
        sa.CheckConstraint(
            "impact IN ('none', 'maintenance', 'minor', 'major', 'critical')", name=op.f("ck_post_revision_impact")
        ),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_post_revision_post_id_post")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_revision")),
    )
    op.create_index(op.f("ix_post_revision_post_id"), "post_revision", ["post_id"])


def downgrade() -> None:
    op.drop_table("post_revision")
    with changing_table("page") as page:
        page.drop_column("purge_revision")
    with changing_table("incident", dropping_checks=["severity"]) as incident:
        _resize(incident, "incident", FORMER_LENGTHS["incident"])
    with changing_table("update_revision", dropping_checks=["status"]) as former:
        former.drop_column("status")
    with changing_table("update_effect", dropping_checks=["from_status", "to_status"]):
        pass
    with changing_table("update", dropping_checks=["status", "impact_override"]) as update:
        _resize(update, "update", FORMER_LENGTHS["update"])
        for name in ("impact_override", "redacted_at", "withdrawn_at"):
            update.drop_column(name)
    with changing_table("post", dropping_checks=tuple(POST_WORDS)) as post:
        _resize(post, "post", FORMER_LENGTHS["post"])
        post.drop_column("withdrawn_at")
        post.alter_column("auto_end", new_column_name="ends_itself", existing_type=sa.Boolean())
        post.alter_column("auto_start", new_column_name="starts_itself", existing_type=sa.Boolean())


def _resize(batch: BatchOperations, table: str, length: int) -> None:
    for name in WIDENED[table]:
        batch.alter_column(name, type_=sa.String(length), existing_type=sa.String(FORMER_LENGTHS[table]))
