"""`/api/openapi.json`: our own API, described in OpenAPI 3.1 from the routes themselves."""

import inspect
import re
from typing import Any

from app.web.api.blueprint import BODIES, OPERATIONS, Operation
from app.web.api.schemas import SCHEMAS, TEXT, WHOLE, Schema, list_of
from app.web.api.subscriber_lists import SORTS, STATES, TYPES
from app.web.api.whole import SOURCES

Document = dict[str, Any]
DESCRIPTION = "Posts, components and subscribers of a status page."
_NONE: Schema = {}
SHAPES: dict[str, tuple[str, Schema]] = {
    "list_pages": ("", list_of("Page")), "edit_page_facts": ("PageDraft", {"$ref": "Page"}),
    "read_page": ("", {"$ref": "Page"}),
    "list_components": ("", list_of("Component")), "create_component": ("ComponentDraft", {"$ref": "Component"}),
    "read_component": ("", {"$ref": "Component"}), "edit_component": ("ComponentChange", {"$ref": "Component"}),
    "delete_component": ("", _NONE), "read_component_uptime": ("", {"$ref": "Uptime"}),
    "read_group_uptime": ("", {"$ref": "GroupUptime"}),
    "list_groups": ("", list_of("Group")), "create_group": ("GroupDraft", {"$ref": "Group"}),
    "read_group": ("", {"$ref": "Group"}), "edit_group": ("GroupChange", {"$ref": "Group"}),
    "delete_group": ("", {"$ref": "Group"}),
    **{name: ("", list_of("Incident")) for name in (
        "list_incidents", "list_unresolved", "list_scheduled", "list_upcoming", "list_active",
    )},
    "create_incident": ("IncidentDraft", {"$ref": "Incident"}), "read_incident": ("", {"$ref": "Incident"}),
    "edit_incident": ("IncidentChange", {"$ref": "Incident"}), "delete_incident": ("", {"$ref": "Incident"}),
    "edit_incident_update": ("UpdateChange", {"$ref": "IncidentUpdate"}),
    "read_postmortem": ("", {"$ref": "Postmortem"}), "write_postmortem": ("PostmortemDraft", {"$ref": "Postmortem"}),
    "delete_postmortem": ("", _NONE), "publish_postmortem": ("PostmortemPublish", {"$ref": "Postmortem"}),
    "list_templates": ("", list_of("Template")), "create_template": ("TemplateDraft", {"$ref": "Template"}),
    "list_subscribers": ("", list_of("Subscriber")), "list_unsubscribed": ("", list_of("Subscriber")),
    "create_subscriber": ("SubscriberDraft", {"$ref": "Subscriber"}), "read_subscriber": ("", {"$ref": "Subscriber"}),
    "edit_subscriber": ("SubscriberChange", {"$ref": "Subscriber"}), "delete_subscriber": ("", {"$ref": "Subscriber"}),
    "count_subscribers": ("", {"$ref": "CountByType"}), "histogram_by_state": ("", {"$ref": "CountByState"}),
    "list_incident_subscribers": ("", list_of("Subscriber")),
    "create_incident_subscriber": ("FollowerDraft", {"$ref": "Subscriber"}),
    "read_incident_subscriber": ("", {"$ref": "Subscriber"}),
    "delete_incident_subscriber": ("", {"$ref": "Subscriber"}), "resend_incident_confirmation": ("", _NONE),
    "export_subscribers": ("", {"media": "text/csv"}), "import_sheet": ("text/csv", {"$ref": "SheetReport"}),
    "read_archive": ("", {"media": "application/zip"}),
    "take_archive": ("application/octet-stream", {"$ref": "ArchiveReport"}),
    "read_static_copy": ("", {"media": "application/zip"}), "import_documents": ("Documents", {"$ref": "ImportReport"}),
    "resend_confirmation": ("", _NONE), "resend_confirmations": ("Subscribers", _NONE),
    "unsubscribe_many": ("Subscribers", _NONE), "reactivate_many": ("Subscribers", _NONE),
}  # fmt: skip
"""By view: the schema of its body, and that of its answer; an empty one where there is none, a media type where it is
no JSON.
"""

BODIES.update({view: body for view, (body, _) in SHAPES.items() if "properties" in SCHEMAS.get(body, {})})

_PAGED = (
    "list_components",
    "list_groups",
    "list_templates",
    "list_subscribers",
    "list_unsubscribed",
    "list_incident_subscribers",
)
_CREATED = ("create_", "resend_", "unsubscribe_", "reactivate_")
_FLAGS = {
    "export_subscribers": ("with_secrets",), "import_sheet": ("dry_run",),
    "take_archive": ("dry_run", "without_suppressions"), "import_documents": ("dry_run", "take_page"),
}  # fmt: skip
_EMPTY = {"delete_component": "204", "delete_postmortem": "204"}
_LINK = {"Link": {"description": "The first, previous and next page of the list (RFC 8288).", "schema": TEXT}}
_REFUSALS = {
    "400": "The body can not be read.", "401": "No valid token.", "403": "The token lacks the scope.",
    "404": "There is no such thing.",
    "409": "It is there already, changed meanwhile, or the Idempotency-Key published something else.",
    "413": "The body is too large.", "415": "The body is not JSON.", "422": "A field can not be taken.",
    "429": "Asked too often; see Retry-After.",
    "503": "The database is not available; nothing was changed.",
}  # fmt: skip


def openapi(base_url: str, version: str) -> Document:
    """The whole description, for an installation at this address."""
    paths: dict[str, Document] = {}
    for operation in OPERATIONS:
        for method in operation.methods:
            path = re.sub(r"<(\w+)>", r"{\1}", operation.path)
            paths.setdefault(path, {})[method.lower()] = _operation(operation, method)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Candor", "version": version, "description": DESCRIPTION},
        "servers": [{"url": f"{base_url}/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }  # fmt: skip


def _operation(operation: Operation, method: str) -> Document:
    body, answer = SHAPES[operation.name]
    made: Document = {
        "operationId": operation.name if len(operation.methods) == 1 else f"{operation.name}_{method.lower()}",
        "summary": inspect.cleandoc(operation.meaning).splitlines()[0],
        "description": f"{inspect.cleandoc(operation.meaning)}\n\nNeeds the scope {operation.scope}.",
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation.name)],
        "responses": {**_success(operation.name, answer), **_refused()},
    }  # fmt: skip
    if "/" in body:
        made["requestBody"] = {"required": True, "content": {body: {"schema": {"type": "string"}}}}
    elif body:
        schema = {"$ref": f"#/components/schemas/{body}"}
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return made


def _path_parameters(path: str) -> list[Document]:
    names = re.findall(r"<(\w+)>", path)
    schema = {"type": "string", "pattern": "^[a-z0-9]{1,32}$"}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]


def _query_parameters(name: str) -> list[Document]:
    found: dict[str, Schema] = {}
    if _is_paged(name):
        found["page"] = {**WHOLE, "minimum": 1, "maximum": 1_000_000}
        found["per_page"] = {**WHOLE, "minimum": 1, "maximum": 100}
    if name in {"read_component_uptime", "read_group_uptime"}:
        found["start"] = found["end"] = {"type": "string", "pattern": r"^([0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?)?$"}
    for flag in _FLAGS.get(name, ()):
        found[flag] = {"type": "boolean"}
    if name == "import_documents":
        found |= {"source": {"type": "string", "enum": list(SOURCES)}, "origin": TEXT, "time_zone": TEXT}
    if name in {"list_incidents", "list_subscribers"}:
        found["q"] = {"type": "string"}
    if name in {"list_subscribers", "count_subscribers"}:
        found["type"] = {"type": "string", "enum": list(TYPES)}
        found["state"] = {"type": "string", "enum": [*STATES, "all"]}
    if name == "list_subscribers":
        found["sort_field"] = {"type": "string", "enum": list(SORTS)}
        found["sort_direction"] = {"type": "string", "enum": ["asc", "desc"]}
    return [
        {"name": one, "in": "query", "required": one == "source", "schema": schema} for one, schema in found.items()
    ]


def _is_paged(name: str) -> bool:
    return name in _PAGED or SHAPES[name][1] == list_of("Incident")


def _success(name: str, answer: Schema) -> Document:
    status = _EMPTY.get(name) or ("201" if name.startswith(_CREATED) else "200")
    if not answer:
        return {status: {"description": "Done."}}
    if "media" in answer:
        return {status: {"description": "Done.", "content": {answer["media"]: {"schema": {"type": "string"}}}}}
    schema = {"$ref": f"#/components/schemas/{answer['$ref']}"} if "$ref" in answer else answer
    made = {"description": "Done.", "content": {"application/json": {"schema": schema}}}
    return {status: {**made, "headers": _LINK} if _is_paged(name) else made}


def _refused() -> Document:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": said, "content": content} for status, said in _REFUSALS.items()}
