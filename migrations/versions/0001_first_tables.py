"""first tables"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("last_sign_in_at", app.db.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("email", name=op.f("uq_account_email")),
        sa.UniqueConstraint("public_id", name=op.f("uq_account_public_id")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", app.db.UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("verb", sa.String(length=64), nullable=False),
        sa.Column("noun", sa.String(length=64), nullable=False),
        sa.Column("noun_id", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_entry_hash")),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("severity", sa.String(length=4), nullable=False),
        sa.Column("declared_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("mitigated_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("resolved_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
        sa.UniqueConstraint("public_id", name=op.f("uq_incident_public_id")),
    )
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_incident_declared_at"), ["declared_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_incident_resolved_at"), ["resolved_at"], unique=False)

    op.create_table(
        "page",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("locale", sa.String(length=16), nullable=False),
        sa.Column("theme", sa.String(length=64), nullable=False),
        sa.Column("audience", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("rebuild_revision", sa.Integer(), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("updated_at", app.db.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_page")),
        sa.UniqueConstraint("public_id", name=op.f("uq_page_public_id")),
        sa.UniqueConstraint("slug", name=op.f("uq_page_slug")),
    )
    op.create_table(
        "rate_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("bucket", sa.String(length=128), nullable=False),
        sa.Column("at", app.db.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rate_event")),
    )
    with op.batch_alter_table("rate_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rate_event_at"), ["at"], unique=False)
        batch_op.create_index("ix_rate_event_bucket_at", ["bucket", "at"], unique=False)

    op.create_table(
        "setup_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setup_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_setup_token_token_hash")),
    )
    op.create_table(
        "suppression",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression")),
        sa.UniqueConstraint("channel", "address_hash", name=op.f("uq_suppression_channel_address_hash")),
    )
    op.create_table(
        "component_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("updated_at", app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_component_group_page_id_page")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_component_group")),
        sa.UniqueConstraint("public_id", name=op.f("uq_component_group_public_id")),
    )
    with op.batch_alter_table("component_group", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_component_group_page_id"), ["page_id"], unique=False)

    op.create_table(
        "incident_role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("from_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("to_at", app.db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_incident_role_incident_id_incident")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_role")),
    )
    with op.batch_alter_table("incident_role", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_incident_role_incident_id"), ["incident_id"], unique=False)

    op.create_table(
        "post",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("impact", sa.String(length=16), nullable=False),
        sa.Column("impact_override", sa.String(length=16), nullable=True),
        sa.Column("started_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("updated_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("monitoring_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("resolved_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("closed_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("scheduled_for", app.db.UtcDateTime(), nullable=True),
        sa.Column("scheduled_until", app.db.UtcDateTime(), nullable=True),
        sa.Column("next_update_by", app.db.UtcDateTime(), nullable=True),
        sa.Column("incident_id", sa.Integer(), nullable=True),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_post_incident_id_incident")),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_post_page_id_page")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post")),
        sa.UniqueConstraint("public_id", name=op.f("uq_post_public_id")),
    )
    with op.batch_alter_table("post", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_post_incident_id"), ["incident_id"], unique=False)
        batch_op.create_index("ix_post_page_id_changed_revision", ["page_id", "changed_revision"], unique=False)
        batch_op.create_index("ix_post_page_id_closed_at", ["page_id", "closed_at"], unique=False)
        batch_op.create_index("ix_post_page_id_started_at", ["page_id", "started_at"], unique=False)

    op.create_table(
        "record_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("tracker", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_record_link_incident_id_incident")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_link")),
        sa.UniqueConstraint("incident_id", "url", name=op.f("uq_record_link_incident_id_url")),
    )
    with op.batch_alter_table("record_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_record_link_incident_id"), ["incident_id"], unique=False)

    op.create_table(
        "session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("expires_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("user_agent", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_session_account_id_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_session_token_hash")),
    )
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_session_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_session_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "subscriber",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("secret", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("everything", sa.Boolean(), nullable=False),
        sa.Column("locale", sa.String(length=16), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("token_version", sa.Integer(), nullable=False),
        sa.Column("bounces", sa.Integer(), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("unsubscribed_at", app.db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_subscriber_page_id_page")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber")),
        sa.UniqueConstraint(
            "page_id", "channel", "address_hash", name=op.f("uq_subscriber_page_id_channel_address_hash")
        ),
        sa.UniqueConstraint("public_id", name=op.f("uq_subscriber_public_id")),
    )
    with op.batch_alter_table("subscriber", schema=None) as batch_op:
        batch_op.create_index("ix_subscriber_page_id_state_channel", ["page_id", "state", "channel"], unique=False)

    op.create_table(
        "timeline_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("at", app.db.UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_timeline_entry_incident_id_incident")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timeline_entry")),
    )
    with op.batch_alter_table("timeline_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_timeline_entry_incident_id"), ["incident_id"], unique=False)

    op.create_table(
        "component",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("visible", sa.Boolean(), nullable=False),
        sa.Column("showcase", sa.Boolean(), nullable=False),
        sa.Column("only_show_if_degraded", sa.Boolean(), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("archived_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("updated_at", app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["component_group.id"], name=op.f("fk_component_group_id_component_group")
        ),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_component_page_id_page")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_component")),
        sa.UniqueConstraint("public_id", name=op.f("uq_component_public_id")),
    )
    with op.batch_alter_table("component", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_component_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_component_page_id"), ["page_id"], unique=False)

    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("leased_until", app.db.UtcDateTime(), nullable=True),
        sa.Column("leased_by", sa.String(length=64), nullable=False),
        sa.Column("settled_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("first_attempt_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("provider_id", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_notice_page_id_page")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_notice_subscriber_id_subscriber")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_page_id"), ["page_id"], unique=False)
        batch_op.create_index("ix_notice_claim", ["channel", "state", "attempts", "due_at", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_notice_subscriber_id"), ["subscriber_id"], unique=False)

    op.create_table(
        "update",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("body_html", sa.Text(), nullable=False),
        sa.Column("display_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("updated_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("corrected_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("notify", sa.Boolean(), nullable=False),
        sa.Column("next_update_by", app.db.UtcDateTime(), nullable=True),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("idempotency_key", sa.String(length=128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_update_post_id_post")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_update")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_update_idempotency_key")),
        sa.UniqueConstraint("post_id", "sequence", name=op.f("uq_update_post_id_sequence")),
        sa.UniqueConstraint("public_id", name=op.f("uq_update_public_id")),
    )
    with op.batch_alter_table("update", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_update_post_id"), ["post_id"], unique=False)

    op.create_table(
        "component_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("component_id", sa.Integer(), nullable=False),
        sa.Column("from_status", sa.String(length=32), nullable=False),
        sa.Column("to_status", sa.String(length=32), nullable=False),
        sa.Column("at", app.db.UtcDateTime(), nullable=False),
        sa.Column("by_kind", sa.String(length=16), nullable=False),
        sa.Column("by_ref", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["component_id"], ["component.id"], name=op.f("fk_component_change_component_id_component")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_component_change")),
    )
    with op.batch_alter_table("component_change", schema=None) as batch_op:
        batch_op.create_index("ix_component_change_component_id_at", ["component_id", "at"], unique=False)

    op.create_table(
        "dispatch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("update_id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("hold_until", app.db.UtcDateTime(), nullable=False),
        sa.Column("created_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("planned_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("finished_at", app.db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_dispatch_page_id_page")),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_dispatch_post_id_post")),
        sa.ForeignKeyConstraint(["update_id"], ["update.id"], name=op.f("fk_dispatch_update_id_update")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatch")),
        sa.UniqueConstraint("public_id", name=op.f("uq_dispatch_public_id")),
        sa.UniqueConstraint("update_id", name=op.f("uq_dispatch_update_id")),
    )
    with op.batch_alter_table("dispatch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dispatch_page_id"), ["page_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dispatch_post_id"), ["post_id"], unique=False)
        batch_op.create_index("ix_dispatch_state_hold_until", ["state", "hold_until"], unique=False)

    op.create_table(
        "post_component",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("component_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["component_id"], ["component.id"], name=op.f("fk_post_component_component_id_component")
        ),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_post_component_post_id_post")),
        sa.PrimaryKeyConstraint("post_id", "component_id", name=op.f("pk_post_component")),
    )
    with op.batch_alter_table("post_component", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_post_component_component_id"), ["component_id"], unique=False)

    op.create_table(
        "subscriber_component",
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("component_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["component_id"],
            ["component.id"],
            name=op.f("fk_subscriber_component_component_id_component"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_subscriber_component_subscriber_id_subscriber"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "component_id", name=op.f("pk_subscriber_component")),
    )
    with op.batch_alter_table("subscriber_component", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_subscriber_component_component_id"), ["component_id"], unique=False)

    op.create_table(
        "update_effect",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("update_id", sa.Integer(), nullable=False),
        sa.Column("component_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=420), nullable=False),
        sa.Column("from_status", sa.String(length=32), nullable=False),
        sa.Column("to_status", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["component_id"], ["component.id"], name=op.f("fk_update_effect_component_id_component")
        ),
        sa.ForeignKeyConstraint(["update_id"], ["update.id"], name=op.f("fk_update_effect_update_id_update")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_update_effect")),
        sa.UniqueConstraint("update_id", "component_id", name=op.f("uq_update_effect_update_id_component_id")),
    )
    with op.batch_alter_table("update_effect", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_update_effect_component_id"), ["component_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_update_effect_update_id"), ["update_id"], unique=False)

    op.create_table(
        "update_revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("update_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("body_html", sa.Text(), nullable=False),
        sa.Column("replaced_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("replaced_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["update_id"], ["update.id"], name=op.f("fk_update_revision_update_id_update")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_update_revision")),
    )
    with op.batch_alter_table("update_revision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_update_revision_update_id"), ["update_id"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dispatch_id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", app.db.UtcDateTime(), nullable=False),
        sa.Column("leased_until", app.db.UtcDateTime(), nullable=True),
        sa.Column("leased_by", sa.String(length=64), nullable=False),
        sa.Column("first_attempt_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("settled_at", app.db.UtcDateTime(), nullable=True),
        sa.Column("provider_id", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name=op.f("fk_delivery_dispatch_id_dispatch")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_delivery_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("dispatch_id", "subscriber_id", name=op.f("uq_delivery_dispatch_id_subscriber_id")),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index("ix_delivery_dispatch_id_state", ["dispatch_id", "state"], unique=False)
        batch_op.create_index("ix_delivery_claim", ["channel", "state", "attempts", "due_at", "id"], unique=False)
        batch_op.create_index("ix_delivery_leased_by", ["leased_by"], unique=False)
        batch_op.create_index(batch_op.f("ix_delivery_subscriber_id"), ["subscriber_id"], unique=False)

    _make_audit_append_only()


def downgrade() -> None:
    _drop_audit_guard()
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delivery_subscriber_id"))
        batch_op.drop_index("ix_delivery_claim")
        batch_op.drop_index("ix_delivery_leased_by")
        batch_op.drop_index("ix_delivery_dispatch_id_state")

    op.drop_table("delivery")
    with op.batch_alter_table("update_revision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_update_revision_update_id"))

    op.drop_table("update_revision")
    with op.batch_alter_table("update_effect", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_update_effect_update_id"))
        batch_op.drop_index(batch_op.f("ix_update_effect_component_id"))

    op.drop_table("update_effect")
    with op.batch_alter_table("subscriber_component", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_subscriber_component_component_id"))

    op.drop_table("subscriber_component")
    with op.batch_alter_table("post_component", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_post_component_component_id"))

    op.drop_table("post_component")
    with op.batch_alter_table("dispatch", schema=None) as batch_op:
        batch_op.drop_index("ix_dispatch_state_hold_until")
        batch_op.drop_index(batch_op.f("ix_dispatch_post_id"))
        batch_op.drop_index(batch_op.f("ix_dispatch_page_id"))

    op.drop_table("dispatch")
    with op.batch_alter_table("component_change", schema=None) as batch_op:
        batch_op.drop_index("ix_component_change_component_id_at")

    op.drop_table("component_change")
    with op.batch_alter_table("update", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_update_post_id"))

    op.drop_table("update")
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_notice_subscriber_id"))
        batch_op.drop_index("ix_notice_claim")
        batch_op.drop_index(batch_op.f("ix_notice_page_id"))

    op.drop_table("notice")
    with op.batch_alter_table("component", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_component_page_id"))
        batch_op.drop_index(batch_op.f("ix_component_group_id"))

    op.drop_table("component")
    with op.batch_alter_table("timeline_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_timeline_entry_incident_id"))

    op.drop_table("timeline_entry")
    with op.batch_alter_table("subscriber", schema=None) as batch_op:
        batch_op.drop_index("ix_subscriber_page_id_state_channel")

    op.drop_table("subscriber")
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_session_expires_at"))
        batch_op.drop_index(batch_op.f("ix_session_account_id"))

    op.drop_table("session")
    with op.batch_alter_table("record_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_record_link_incident_id"))

    op.drop_table("record_link")
    with op.batch_alter_table("post", schema=None) as batch_op:
        batch_op.drop_index("ix_post_page_id_started_at")
        batch_op.drop_index("ix_post_page_id_closed_at")
        batch_op.drop_index("ix_post_page_id_changed_revision")
        batch_op.drop_index(batch_op.f("ix_post_incident_id"))

    op.drop_table("post")
    with op.batch_alter_table("incident_role", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_incident_role_incident_id"))

    op.drop_table("incident_role")
    with op.batch_alter_table("component_group", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_component_group_page_id"))

    op.drop_table("component_group")
    op.drop_table("suppression")
    op.drop_table("setup_token")
    with op.batch_alter_table("rate_event", schema=None) as batch_op:
        batch_op.drop_index("ix_rate_event_bucket_at")
        batch_op.drop_index(batch_op.f("ix_rate_event_at"))

    op.drop_table("rate_event")
    op.drop_table("page")
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_incident_resolved_at"))
        batch_op.drop_index(batch_op.f("ix_incident_declared_at"))

    op.drop_table("incident")
    op.drop_table("audit_entry")
    op.drop_table("account")


def _make_audit_append_only() -> None:
    """The database itself refuses to change or delete an audit entry."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_entry_no_{verb.lower()} BEFORE {verb} ON audit_entry "
                "BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_entry_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit entries are append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_append_only()"
    )


def _drop_audit_guard() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_entry_no_update")
        op.execute("DROP TRIGGER audit_entry_no_delete")
        return
    op.execute("DROP TRIGGER audit_entry_append_only ON audit_entry")
    op.execute("DROP FUNCTION audit_entry_append_only")
