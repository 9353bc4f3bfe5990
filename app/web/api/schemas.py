"""What our own API takes and answers with, as JSON Schema: the parts of `/api/openapi.json`."""

from typing import Any

from app.actions.components import DESCRIPTION_LIMIT
from app.actions.components import NAME_LIMIT as COMPONENT_NAME_LIMIT
from app.text import BODY_LIMIT, TITLE_LIMIT
from app.vocabulary import ComponentStatus, Impact, PostStatus

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
FLAG: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer"}
TIME: Schema = {"type": "string", "format": "date-time"}
MAYBE_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
MAYBE_DAY: Schema = {"type": ["string", "null"], "format": "date"}
ID: Schema = {"type": "string", "pattern": "^[a-z0-9]{1,32}$"}
MAYBE_ID: Schema = {"type": ["string", "null"], "pattern": "^[a-z0-9]{1,32}$"}
IDS: Schema = {"type": "array", "items": ID}
NAMED: Schema = {"type": "array", "items": {"type": "string", "pattern": "^[a-z0-9]{0,32}$"}}
"""Ids in a body; empty ones, which forms send, are passed over."""

COMPONENT_STATUSES = [status.value for status in ComponentStatus if status is not ComponentStatus.UNKNOWN]
STATUSES = [status.value for status in PostStatus if status not in {PostStatus.POSTMORTEM, PostStatus.CANCELLED}]
IMPACTS = [impact.value for impact in Impact]


def some(limit: int, least: int = 1) -> Schema:
    """A text of at most so many characters, counted when what can not be seen is taken out: hence no `maxLength`."""
    said = f"At most {limit:,} characters; control characters do not count and are taken out."
    return {"type": "string", "minLength": least, "description": said}


def takes(properties: Schema, required: tuple[str, ...] | None = None) -> Schema:
    """An object that is sent: as a `thing`, and with a field that is not named here it is refused."""
    return {**thing(properties, required), "additionalProperties": False}


def optional(properties: Schema, *required: str) -> Schema:
    """An object of which only what is `required` has to be there; null says the same as leaving a field out."""
    told = {name: schema if name in required else _or_null(schema) for name, schema in properties.items()}
    return takes(told, required)


def _or_null(schema: Schema) -> Schema:
    made = {**schema, "type": [schema["type"], "null"]}
    return {**made, "enum": [*schema["enum"], None]} if "enum" in schema else made


def thing(properties: Schema, required: tuple[str, ...] | None = None) -> Schema:
    """An object; what is not named in `required` may be left out; all of it is there when that is None."""
    return {"type": "object", "properties": properties, "required": list(properties if required is None else required)}


def inside(name: str, of: str) -> Schema:
    """An object that holds another under one name, as bodies do."""
    return takes({name: {"$ref": f"#/components/schemas/{of}"}})


def list_of(name: str) -> Schema:
    """A bare array."""
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


_COMPONENT = thing(
    {
        "id": ID, "page_id": ID, "group_id": MAYBE_ID, "created_at": TIME, "updated_at": TIME, "group": FLAG,
        "name": TEXT, "description": MAYBE_TEXT, "position": WHOLE,
        "status": {"type": "string", "enum": COMPONENT_STATUSES}, "showcase": FLAG, "only_show_if_degraded": FLAG,
        "automation_email": MAYBE_TEXT, "start_date": MAYBE_DAY,
    }
)  # fmt: skip
_UPDATE = thing(
    {
        "id": ID, "status": {"type": "string", "enum": [*STATUSES, "postmortem"]}, "body": TEXT, "incident_id": ID,
        "created_at": TIME, "updated_at": TIME, "display_at": TIME,
        "affected_components": {"type": ["array", "null"], "items": {"type": "object"}}, "deliver_notifications": FLAG,
    }
)  # fmt: skip
_INCIDENT = thing(
    {
        "id": ID, "components": list_of("Component"), "created_at": TIME, "impact": {"type": "string", "enum": IMPACTS},
        "impact_override": {"type": ["string", "null"], "enum": [*IMPACTS, None]},
        "incident_updates": list_of("IncidentUpdate"), "metadata": {"type": "object"}, "monitoring_at": MAYBE_TIME,
        "name": TEXT, "page_id": ID, "postmortem_body": MAYBE_TEXT, "resolved_at": MAYBE_TIME,
        "scheduled_for": MAYBE_TIME, "scheduled_until": MAYBE_TIME, "scheduled_auto_in_progress": FLAG,
        "scheduled_auto_completed": FLAG, "shortlink": TEXT,
        "status": {"type": "string", "enum": [*STATUSES, "postmortem"]}, "updated_at": TIME, "backfilled": FLAG,
    }
)  # fmt: skip
_INCIDENT_FIELDS: Schema = {
    "name": some(TITLE_LIMIT), "status": {"type": "string", "enum": STATUSES}, "body": some(BODY_LIMIT, 0),
    "impact_override": {"type": "string", "enum": IMPACTS},
    "components": {"type": "object", "additionalProperties": {"type": "string", "enum": COMPONENT_STATUSES}},
    "component_ids": NAMED, "deliver_notifications": FLAG, "scheduled_for": TIME, "scheduled_until": TIME,
    "scheduled_auto_in_progress": FLAG, "scheduled_auto_completed": FLAG, "scheduled_auto_transition": FLAG,
    "backfilled": FLAG, "backfill_date": TIME, "display_at": TIME, "acknowledged": FLAG,
    "metadata": {"type": "object", "additionalProperties": {"type": "object"}},
}  # fmt: skip
_CHANGED = {name: schema for name, schema in _INCIDENT_FIELDS.items() if not name.startswith("backfill")}
_CHANGED["status"] = {"type": "string", "enum": [*STATUSES, "cancelled"]}
_SUBSCRIBER = thing(
    {
        "id": ID, "mode": TEXT, "email": MAYBE_TEXT, "endpoint": TEXT, "phone_number": TEXT,
        "phone_country": MAYBE_TEXT, "quarantined_at": MAYBE_TIME,
        "components": {"type": ["array", "null"], "items": ID}, "created_at": TIME,
    }, ("id", "mode", "quarantined_at", "components", "created_at"),
)  # fmt: skip
_POSTMORTEM = thing(
    {
        "body": MAYBE_TEXT, "body_updated_at": MAYBE_TIME, "body_draft": MAYBE_TEXT, "body_draft_updated_at": TIME,
        "published_at": MAYBE_TIME, "notify_subscribers": FLAG, "created_at": TIME, "updated_at": TIME,
    }
)  # fmt: skip
_UPTIME = {
    "range_start": {"type": "string", "format": "date"}, "range_end": {"type": "string", "format": "date"},
    "uptime_percentage": {"type": ["number", "null"]}, "major_outage": WHOLE, "partial_outage": WHOLE,
    "warnings": {"type": "array", "items": TEXT}, "id": ID, "name": TEXT,
}  # fmt: skip
_EVENTS: Schema = {"type": "array", "items": thing({"id": ID})}
_COMPONENT_DRAFT = {
    "name": some(COMPONENT_NAME_LIMIT), "description": some(DESCRIPTION_LIMIT, 0),
    "status": {"type": "string", "enum": COMPONENT_STATUSES},
    "group_id": {"type": "string", "pattern": "^[a-z0-9]{0,32}$"}, "showcase": FLAG,
    "only_show_if_degraded": FLAG, "start_date": {"type": "string", "format": "date"},
}  # fmt: skip
_GROUP = ("component_group",)
_GROUP_DRAFT = {
    "name": some(100), "components": {**NAMED, "minItems": 1}, "description": some(DESCRIPTION_LIMIT, 0),
}  # fmt: skip
_BESIDE = {"description": {**_or_null(some(DESCRIPTION_LIMIT, 0)), "description": "Goes before the one in the group."}}
_PERSON = {
    "email": TEXT, "phone_number": TEXT, "phone_country": {"type": "string", "pattern": "^[A-Za-z]{2}$"},
    "skip_confirmation_notification": FLAG,
}  # fmt: skip
_COUNTS: Schema = {"type": "object", "additionalProperties": WHOLE}
_BY_STATE = thing({"active": WHOLE, "unconfirmed": WHOLE, "quarantined": WHOLE, "total": WHOLE})
_TYPES = ("email", "sms", "webhook", "integration_partner", "slack", "teams")
_TYPE = {"type": "string", "enum": list(_TYPES), "description": "Of all, only these."}
_STATE = {
    "type": ["string", "null"], "enum": ["active", "unconfirmed", "quarantined", "all", None],
    "description": "Of all, only these.",
}  # fmt: skip
_NAMED = {"oneOf": [{**NAMED, "minItems": 1, "maxItems": 100}, {"type": "string", "enum": ["all"]}]}

SCHEMAS: dict[str, Schema] = {
    "Problem": thing({"type": TEXT, "title": TEXT, "status": WHOLE, "detail": TEXT}),
    "Page": thing({"id": ID, "name": TEXT, "url": TEXT, "time_zone": TEXT, "created_at": TIME, "updated_at": TIME}),
    "PageDraft": inside("page", "PageFacts"),
    "PageFacts": optional(
        {"name": some(100), "url": some(500, 0), "time_zone": some(64), "notifications_from_email": some(254, 0)}
    ),
    "Component": _COMPONENT,
    "ComponentDraft": inside("component", "ComponentFacts"),
    "ComponentFacts": optional(_COMPONENT_DRAFT, "name"),
    "ComponentChange": takes({"component": optional(_COMPONENT_DRAFT)}),
    "Uptime": thing({**_UPTIME, "related_events": _EVENTS}),
    "GroupUptime": thing(
        {**_UPTIME, "related_events": {"type": "array", "items": thing({"component_id": ID, "incidents": _EVENTS})}}
    ),
    "Group": thing(
        {"id": ID, "page_id": ID, "name": TEXT, "description": MAYBE_TEXT, "components": IDS, "position": WHOLE,
         "created_at": TIME, "updated_at": TIME}
    ),
    "GroupDraft": takes({"component_group": optional(_GROUP_DRAFT, "name", "components"), **_BESIDE}, _GROUP),
    "GroupChange": takes({"component_group": optional(_GROUP_DRAFT), **_BESIDE}, _GROUP),
    "Incident": _INCIDENT,
    "IncidentUpdate": _UPDATE,
    "IncidentDraft": inside("incident", "IncidentFacts"),
    "IncidentFacts": optional(_INCIDENT_FIELDS, "name"),
    "IncidentChange": takes({"incident": optional(_CHANGED)}),
    "UpdateChange": takes(
        {"incident_update": optional({"body": some(BODY_LIMIT), "display_at": TIME, "acknowledged": FLAG})}
    ),
    "Postmortem": _POSTMORTEM,
    "PostmortemDraft": takes({"postmortem": takes({"body_draft": some(BODY_LIMIT)})}),
    "PostmortemPublish": takes(
        {"postmortem": optional({"notify_subscribers": FLAG, "acknowledged": FLAG})}, ()
    ),
    "Template": thing(
        {"id": ID, "name": TEXT, "title": TEXT, "body": TEXT, "update_status": TEXT, "components": list_of("Component")}
    ),
    "TemplateDraft": takes({"template": optional(
        {"name": some(100), "title": some(TITLE_LIMIT), "body": some(BODY_LIMIT), "component_ids": NAMED,
         "update_status": {"type": "string", "enum": STATUSES}, "should_send_notifications": FLAG},
        "name", "title", "body",
    )}),
    "Subscriber": _SUBSCRIBER,
    "FollowerDraft": takes({"subscriber": optional(_PERSON)}),
    "SubscriberDraft": takes({"subscriber": optional(
        {**_PERSON, "endpoint": TEXT, "component_ids": NAMED},
    )}),
    "SubscriberChange": takes({"component_ids": NAMED}),
    "Subscribers": takes({"subscribers": _NAMED, "type": _TYPE, "state": _STATE}, ("subscribers",)),
    "SheetReport": thing(
        {"dry_run": FLAG, "counts": _COUNTS, "kept": _COUNTS, "new_secrets": WHOLE,
         "refused": {"type": "array", "items": thing({"line": WHOLE, "reason": TEXT})}}
    ),
    "ArchiveReport": thing({"dry_run": FLAG, "page": TEXT, "paused": FLAG, "counts": {"type": "object"}}),
    "Documents": {"type": ["object", "array"]},
    "ImportReport": thing(
        {"dry_run": FLAG, "counts": _COUNTS,
         "skipped": {"type": "array", "items": thing({"kind": TEXT, "id": TEXT, "name": TEXT, "reason": TEXT})}}
    ),
    "CountByType": thing(dict.fromkeys(_TYPES, WHOLE)),
    "CountByState": thing(dict.fromkeys(_TYPES, _BY_STATE)),
}  # fmt: skip
