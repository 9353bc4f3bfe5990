"""drafts with their texts, effects, editors and approvals"""

import sqlalchemy as sa
from alembic import op

import app.db
from app.schema_changes import word_check

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

STATES = ("editing", "proposed", "approved", "scheduled", "published", "discarded")
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
SEVERITIES = ("P0", "P1", "P2", "P3")
COMPONENT_STATUSES = (
    "operational",
    "under_maintenance",
    "unknown",
    "degraded_performance",
    "partial_outage",
    "major_outage",
)
WORDS = {"state": STATES, "kind": KINDS, "status": STATUSES, "impact_override": IMPACTS, "severity": SEVERITIES}


def upgrade() -> None:
    op.create_table(
        "draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(32), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("impact_override", sa.String(32), nullable=True),
        sa.Column("notify", sa.Boolean(), nullable=False),
        sa.Column("promise_minutes", sa.Integer(), nullable=True),
        sa.Column("next_update_by", app.db.UtcDateTime(), nullable=True),
        sa.Column("scheduled_for", app.db.UtcDateTime(), nullable=True),
        sa.Column("scheduled_until", app.db.UtcDateTime(), nullable=True),
        sa.Column("auto_start", sa.Boolean(), nullable=False),
        sa.Column("auto_end", sa.Boolean(), nullable=False),
        sa.Column("severity", sa.String(32), nullable=True),
        sa.Column("record_links_json", sa.Text(), nullable=False),
        sa.Column("acknowledged", sa.Boolean(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=True),
        sa.Column("approved_hash", sa.String(64), nullable=False),
        sa.Column("publish_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("problem", sa.String(300), nullable=False),
        sa.Column("update_id", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("edited_by", sa.String(200), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("updated_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *(sa.CheckConstraint(word_check(name, words), name=op.f(f"ck_draft_{name}")) for name, words in WORDS.items()),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_draft_page_id_page")),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_draft_post_id_post")),
        sa.ForeignKeyConstraint(["update_id"], ["update.id"], name=op.f("fk_draft_update_id_update")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
        sa.UniqueConstraint("public_id", name=op.f("uq_draft_public_id")),
    )
    op.create_index("ix_draft_page_id_state", "draft", ["page_id", "state"])
    op.create_index("ix_draft_state_publish_at", "draft", ["state", "publish_at"])
    op.create_index(op.f("ix_draft_post_id"), "draft", ["post_id"])
    op.create_index(op.f("ix_draft_update_id"), "draft", ["update_id"])
    op.create_table(
        "draft_text",
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["draft.id"], ondelete="CASCADE", name=op.f("fk_draft_text_draft_id_draft")
        ),
        sa.PrimaryKeyConstraint("draft_id", "language", name=op.f("pk_draft_text")),
    )
    op.create_table(
        "draft_effect",
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("component_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(32), nullable=True),
        sa.CheckConstraint(word_check("status", COMPONENT_STATUSES), name=op.f("ck_draft_effect_status")),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["draft.id"], ondelete="CASCADE", name=op.f("fk_draft_effect_draft_id_draft")
        ),
        sa.ForeignKeyConstraint(
            ["component_id"], ["component.id"], name=op.f("fk_draft_effect_component_id_component")
        ),
        sa.PrimaryKeyConstraint("draft_id", "component_id", name=op.f("pk_draft_effect")),
    )
    op.create_index(op.f("ix_draft_effect_component_id"), "draft_effect", ["component_id"])
    op.create_table(
        "draft_editor",
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["draft.id"], ondelete="CASCADE", name=op.f("fk_draft_editor_draft_id_draft")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_draft_editor_account_id_account")),
        sa.PrimaryKeyConstraint("draft_id", "account_id", name=op.f("pk_draft_editor")),
    )
    op.create_index(op.f("ix_draft_editor_account_id"), "draft_editor", ["account_id"])
    op.create_table(
        "approval",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("approver_id", sa.Integer(), nullable=False),
        sa.Column("approved_at", app.db.UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "author_id IS NULL OR author_id <> approver_id", name=op.f("ck_approval_author_is_not_approver")
        ),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["draft.id"], ondelete="CASCADE", name=op.f("fk_approval_draft_id_draft")
        ),
        sa.ForeignKeyConstraint(["author_id"], ["account.id"], name=op.f("fk_approval_author_id_account")),
        sa.ForeignKeyConstraint(["approver_id"], ["account.id"], name=op.f("fk_approval_approver_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
        sa.UniqueConstraint(
            "draft_id",
            "content_hash",
            "author_id",
            "approver_id",
            name=op.f("uq_approval_draft_id_content_hash_author_id_approver_id"),
        ),
    )
    for column in ("draft_id", "author_id", "approver_id"):
        op.create_index(op.f(f"ix_approval_{column}"), "approval", [column])


def downgrade() -> None:
    for table in ("approval", "draft_editor", "draft_effect", "draft_text", "draft"):
        op.drop_table(table)
