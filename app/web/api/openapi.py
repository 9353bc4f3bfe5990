"""`/api/openapi.json`: the API, what is published and the webhooks, in OpenAPI 3.1, from the routes and the models."""

import inspect
import re
from functools import lru_cache
from typing import Any, get_args, get_origin

from flask.typing import ResponseReturnValue
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from app.inputs.base import Input
from app.inputs.fields import ID_PATTERN
from app.inputs.lists import Part
from app.publish.statuspage_json import Document
from app.version import VERSION
from app.vocabulary import Scope
from app.web.access import audience
from app.web.api import outputs
from app.web.api.blueprint import OPERATIONS, File, Operation, blueprint, settings

DESCRIPTION = """Incidents, maintenance, components and subscribers of a status page.

Programs prove themselves with an API token: `Authorization: Bearer TOKEN`. Times are sent with their time zone, such as
2026-08-21T00:37:20Z. Fields that are not described are refused. `Idempotency-Key` makes it safe to publish again.

What is published (`/api/v2`, feeds, calendar) needs no token."""
TAGS = {
    "Pages": "The page and its settings.",
    "Components": "Components, their groups and their uptime.",
    "Incidents": "Incidents, maintenance, their updates and post-mortems.",
    "Drafts": "Updates that aren't published yet: saved, scheduled, published or discarded.",
    "Templates": "Templates for new incidents.",
    "Subscribers": "Subscribers.",
    "Moving": "The page and its subscribers as files, and imports from other status pages.",
    "Published": "Public documents, feeds and the calendar.",
}
REF = "#/components/schemas/{model}"
LINK = {
    "Link": {"description": "The first, previous and next page of the list (RFC 8288).", "schema": {"type": "string"}}
}
REFUSALS = {
    400: "The request can't be read.",
    401: "There is no valid API token.",
    403: "The API token lacks the scope.",
    404: "It doesn't exist, or belongs to another page.",
    409: "It already exists, changed in the meantime, or the Idempotency-Key was used for something else.",
    413: "The body is too large.",
    415: "The body isn't JSON.",
    422: "A field is invalid; `fields` says which and why.",
    429: "Too many requests. `Retry-After` says when to try again.",
    503: "The database isn't available. Nothing was changed.",
}
PUBLISHED: dict[str, tuple[str, str, type[BaseModel] | str]] = {
    "/api/v2/summary.json": ("read_summary", "The page at a glance.", outputs.SummaryDocument),
    "/api/v2/status.json": ("read_status", "The overall status.", outputs.StatusDocument),
    "/api/v2/components.json": ("read_published_components", "Components and groups.", outputs.ComponentsDocument),
    "/api/v2/incidents.json": ("read_published_incidents", "The 50 newest incidents.", outputs.IncidentsDocument),
    "/api/v2/incidents/unresolved.json": ("read_unresolved", "Open incidents.", outputs.IncidentsDocument),
    "/api/v2/incidents/{incident_id}.json": (
        "read_published_incident", "One incident or maintenance.", outputs.IncidentDocument,
    ),
    "/api/v2/scheduled-maintenances.json": (
        "read_maintenances", "The 50 newest scheduled maintenance windows.", outputs.MaintenancesDocument,
    ),
    "/api/v2/scheduled-maintenances/upcoming.json": (
        "read_upcoming", "Maintenance that has not started.", outputs.MaintenancesDocument,
    ),
    "/api/v2/scheduled-maintenances/active.json": (
        "read_active", "Maintenance that is in progress.", outputs.MaintenancesDocument,
    ),
    "/history.atom": ("read_atom_feed", "The newest incidents as an Atom feed.", "application/atom+xml"),
    "/history.rss": ("read_rss_feed", "The newest incidents as an RSS feed.", "application/rss+xml"),
    "/feed.json": ("read_json_feed", "The newest incidents as a JSON Feed.", "application/json"),
    "/components/{component_id}/feed.atom": (
        "read_component_feed", "The newest incidents about one component.", "application/atom+xml",
    ),
    "/calendar.ics": ("read_calendar", "Maintenance windows as a calendar.", "text/calendar"),
}  # fmt: skip
"""What is published, by address: its operation id, its meaning, and its model or its media type."""


class _Schemas(GenerateJsonSchema):
    """Without titles, which only repeat the names, and without a null as default, which only repeats the type."""

    def normalize_name(self, name: str) -> str:
        """A client's code has plain nouns: `Component` is the schema of `ComponentOutput`."""
        return super().normalize_name(name).removesuffix("Output")

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> Document:
        made = super().default_schema(schema)
        if made.get("default", 0) is None or made.get("default", 0) == ():
            made.pop("default")
        return made


@blueprint.get("/api/openapi.json")
@audience("public")
def describe() -> ResponseReturnValue:
    """The API in OpenAPI 3.1."""
    return described(settings().base_url, VERSION), {"Access-Control-Allow-Origin": "*"}


def described(base_url: str, version: str) -> Document:
    """The whole description, for an installation at this address."""
    paths: dict[str, Document] = {}
    for operation in OPERATIONS:
        path = re.sub(r"<(\w+)>", r"{\1}", operation.path)
        for method in operation.methods:
            paths.setdefault(f"/api/v1{path}", {})[method.lower()] = _operation(operation, method)
    for path, told in PUBLISHED.items():
        paths[path] = {"get": _published(path, *told)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Candor", "version": version, "description": DESCRIPTION},
        "servers": [{"url": base_url}],
        "security": [{"token": []}],
        "tags": [{"name": name, "description": said} for name, said in TAGS.items()],
        "paths": paths,
        "webhooks": {"incident": {"post": _webhook()}},
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token, created in the console."}
            },
        },
    }


@lru_cache(maxsize=1)
def schemas() -> Document:
    """Every schema, by the name of its model."""
    inputs = {operation.takes for operation in OPERATIONS if _is_model(operation.takes)}
    answers = {_inner(operation.answers) for operation in OPERATIONS if _is_model(_inner(operation.answers))}
    answers |= {told[2] for told in PUBLISHED.values() if _is_model(told[2])} | {
        outputs.ProblemOutput,
        outputs.IncidentWebhookOutput,
    }
    wanted: list[tuple[Any, JsonSchemaMode]] = [(model, "validation") for model in inputs]
    wanted += [(model, "serialization") for model in answers]
    _, made = models_json_schema(
        sorted(wanted, key=lambda one: str(one[0].__name__)), ref_template=REF, schema_generator=_Schemas
    )
    found: Document = made["$defs"]
    for schema in found.values():
        schema.pop("title", None)
    return dict(sorted(found.items()))


def parameters(model: type[Input]) -> list[Document]:
    """The parameters of a query."""
    schema = model.model_json_schema(schema_generator=_Schemas, ref_template=REF)
    made = []
    for name, one in schema["properties"].items():
        described = {**one.get("anyOf", [{}])[0], **{key: value for key, value in one.items() if key != "anyOf"}}
        said = described.pop("description", "")
        made.append(
            {
                "name": name, "in": "query", "required": name in schema.get("required", ()), "description": said,
                "schema": described,
            }
        )  # fmt: skip
    return made


def _operation(operation: Operation, method: str) -> Document:
    meaning = inspect.cleandoc(operation.meaning)
    made: Document = {
        "operationId": operation.name if len(operation.methods) == 1 else f"{operation.name}_{method.lower()}",
        "tags": [operation.tag],
        "summary": meaning.splitlines()[0],
        "description": f"{meaning}\n\nNeeds the scope `{operation.scope}`.",
        "parameters": [*_path_parameters(operation.path), *(parameters(operation.asks) if operation.asks else ())],
        "responses": {**_success(operation), **_refused(operation)},
    }
    if operation.is_idempotent_by_key:
        made["parameters"].append(_KEY)
    if isinstance(operation.takes, File):
        made["requestBody"] = {"required": True, "content": operation.takes.content()}
    elif operation.takes is not None:
        schema = {"$ref": _reference(operation.takes)} if _is_model(operation.takes) else {}
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return made


_KEY: Document = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key again returns the result of the first call and publishes nothing.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[ -~]+$", "examples": ["deploy-4711"]},
}


def _path_parameters(path: str) -> list[Document]:
    schema = {"type": "string", "pattern": ID_PATTERN, "examples": ["kctbh9vrtdwd"]}
    return [
        {
            "name": name, "in": "path", "required": True, "schema": schema,
            "description": f"The {name.removesuffix('_id')}'s id.",
        }
        for name in re.findall(r"[<{](\w+)[>}]", path)
    ]  # fmt: skip


def _success(operation: Operation) -> Document:
    answer, status = operation.answers, str(operation.status)
    if answer is None:
        return {status: {"description": "Done."}}
    if isinstance(answer, File):
        return {status: {"description": "The file.", "content": answer.content()}}
    made: Document = {"description": "Done.", "content": {"application/json": {"schema": _schema(answer)}}}
    is_paged = operation.asks is not None and issubclass(operation.asks, Part)
    return {status: {**made, "headers": LINK} if is_paged else made}


def _schema(answer: Any) -> Document:
    if get_origin(answer) is list:
        return {"type": "array", "items": _schema(get_args(answer)[0])}
    return {"$ref": _reference(answer)}


def _reference(model: type[BaseModel]) -> str:
    return REF.format(model=model.__name__.removesuffix("Output"))


def _inner(answer: Any) -> Any:
    return get_args(answer)[0] if get_origin(answer) is list else answer


def _is_model(found: Any) -> bool:
    return inspect.isclass(found) and issubclass(found, BaseModel)


def _refused(operation: Operation) -> Document:
    """Only what this operation can answer."""
    statuses = {400, 401, 429, 503}
    if operation.scope is not Scope.READ:  # any token may read
        statuses.add(403)
    if "<" in operation.path:
        statuses.add(404)
    if operation.takes is not None:
        statuses |= {413, 422} | ({415} if not isinstance(operation.takes, File) else set())
    if operation.asks is not None:
        statuses.add(422)
    statuses |= set(operation.refuses)
    content = {"application/problem+json": {"schema": {"$ref": _reference(outputs.ProblemOutput)}}}
    return {str(status): {"description": REFUSALS[status], "content": content} for status in sorted(statuses)}


def _published(path: str, name: str, meaning: str, answer: type[BaseModel] | str) -> Document:
    content = (
        {answer: {"schema": {"type": "object" if answer.endswith("json") else "string"}}}
        if isinstance(answer, str)
        else {"application/json": {"schema": {"$ref": _reference(answer)}}}
    )
    made: Document = {
        "operationId": name,
        "tags": ["Published"],
        "summary": meaning,
        "description": meaning,
        "security": [],
        "parameters": _path_parameters(path),
        "responses": {"200": {"description": "As published.", "content": content}},
    }
    if "{" in path:
        made["responses"]["404"] = {"description": "It doesn't exist."}
    return made


def _webhook() -> Document:
    header = {"in": "header", "required": True, "schema": {"type": "string"}}
    return {
        "operationId": "receive_incident",
        "tags": ["Published"],
        "summary": "An update was published.",
        "description": "Sent to webhook subscribers, and signed with their secret as Standard Webhooks describes.",
        "security": [],
        "parameters": [
            {"name": "webhook-id", **header, "description": "The same for every attempt to send a message."},
            {"name": "webhook-timestamp", **header, "description": "Seconds since 1970."},
            {"name": "webhook-signature", **header, "description": "Such as v1, and a signature in Base64."},
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": _reference(outputs.IncidentWebhookOutput)}}},
        },
        "responses": {"2XX": {"description": "Received. After any other response, it is sent again later."}},
    }
