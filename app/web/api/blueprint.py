"""The blueprint of the Manage API: every address with and without `.json`, every view behind a token."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, current_app, g, request
from flask.sansio.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from werkzeug.exceptions import BadRequest, Forbidden, NotFound, Unauthorized
from werkzeug.routing import BaseConverter

from app.actions.accounts import api_tokens
from app.actions.accounts.api_tokens import Bearer
from app.db import session
from app.inputs.base import Input
from app.models.page import Page
from app.publish.snapshot import read_page
from app.publish.views import PageView
from app.settings import Settings
from app.vocabulary import Scope
from app.web.access import audience
from app.web.api import bodies

blueprint = Blueprint("api", __name__)
WORDS = (
    "unresolved", "scheduled", "upcoming", "active_maintenance", "unsubscribed", "count", "histogram",
    "histogram_by_state", "resend_confirmation", "unsubscribe", "reactivate", "export", "import",
)  # fmt: skip
STATUSPAGES, OURS = "/v1", "/api/v1"
"""The API's addresses: Statuspage's, with its errors, and our own, with problem+json (RFC 9457)."""

ApiView = TypeVar("ApiView", bound=Callable[..., ResponseReturnValue])
UNPROVEN = "Couldn't authenticate. Send a valid API token as Authorization: OAuth TOKEN."


@dataclass(frozen=True, slots=True)
class File:
    """A file as a request or response body: its media type, and what it contains."""

    media: str
    meaning: str

    def content(self) -> dict[str, Any]:
        """As OpenAPI describes it."""
        kind = {"type": "string"} if self.media.startswith("text/") else {"type": "string", "format": "binary"}
        return {self.media: {"schema": {**kind, "description": self.meaning}}}


ANY_JSON = object()
"""A body of any JSON, such as the exports of other status pages."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One view: its address and everything that its description is generated from.

    `takes` is the model of its body, `asks` that of its query, and `answers` that of its response, or a list of such
    models; None means that there is none.  `refuses` are error statuses that don't follow from the other fields.
    """

    name: str
    path: str
    methods: tuple[str, ...]
    scope: Scope
    meaning: str
    tag: str
    takes: Any = None
    asks: type[Input] | None = None
    answers: Any = None
    status: int = 200
    refuses: tuple[int, ...] = ()
    is_idempotent_by_key: bool = False


@blueprint.record_once
def _know_ids(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["id"] = IdConverter


OPERATIONS: list[Operation] = []
"""Every view, in the order in which they were declared."""


class IdConverter(BaseConverter):
    """A public id, but not one of the words that other addresses have in its place."""

    regex = rf"(?!(?:{'|'.join(WORDS)})(?:\.json)?\Z)[a-z0-9_]{{1,64}}"


def route(
    path: str,
    *methods: str,
    tag: str,
    scope: Scope,
    takes: Any = None,
    asks: type[Input] | None = None,
    answers: Any = None,
    status: int = 200,
    refuses: tuple[int, ...] = (),
    is_idempotent_by_key: bool = False,
    is_ours: bool = True,
    is_theirs: bool = True,
) -> Callable[[ApiView], ApiView]:
    """Serve a view for these methods to programs whose token has this scope.  The rest is as in `Operation`.

    If it `is_theirs`, it is at Statuspage's address with and without ".json"; if it `is_ours`, at our own.

    A `page_id` in the path is passed on as the page itself.
    """

    def register(view: ApiView) -> ApiView:
        @functools.wraps(view)
        def called(**names: Any) -> ResponseReturnValue:
            g.bearer, g.takes, g.asks = _proven(scope), takes, asks
            if not all(bodies.is_sound(f"{name}{value}") for name, value in request.args.items(multi=True)):
                raise BadRequest("The query contains a NUL or a lone surrogate. Remove it.")
            if "page_id" in names:
                names["page"] = page = _page(names.pop("page_id"))
                g.page_zone = page.zone
            return view(**names)

        declared = audience("token")(called)
        endpoint = view.__name__
        typed = re.sub(r"<(\w+)>", r"<id:\1>", path)
        for address in (
            *((f"{STATUSPAGES}{typed}.json", f"{STATUSPAGES}{typed}") if is_theirs else ()),
            *([f"{OURS}{typed}"] if is_ours else ()),
        ):
            blueprint.add_url_rule(address, endpoint, declared, methods=list(methods))
        if is_ours:
            OPERATIONS.append(
                Operation(
                    name=endpoint,
                    path=path,
                    methods=methods,
                    scope=scope,
                    meaning=view.__doc__ or "",
                    tag=tag,
                    takes=takes,
                    asks=asks,
                    answers=answers,
                    status=status,
                    refuses=refuses,
                    is_idempotent_by_key=is_idempotent_by_key,
                )
            )
        return view

    return register


def tagged(tag: str) -> Callable[..., Callable[[ApiView], ApiView]]:
    """`route` for views that share a tag."""
    return functools.partial(route, tag=tag)


def bearer() -> Bearer:
    """The program that sent the request."""
    found: Bearer = g.bearer
    return found


def settings() -> Settings:
    """This installation's settings."""
    found: Settings = current_app.config["SETTINGS"]
    return found


def _proven(scope: Scope) -> Bearer:
    kind, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if not kind:
        token = request.args.get("api_key", "") or _token_of_form()
    elif kind.lower() not in {"oauth", "bearer"}:
        raise Unauthorized(UNPROVEN)
    found = api_tokens.bearer(token.strip())
    if found is None:
        raise Unauthorized(UNPROVEN)
    if not found.may(scope):
        raise Forbidden(f"This API token lacks the scope {scope}.")
    api_tokens.note_use(settings(), found)
    return found


def _token_of_form() -> str:
    """Older Statuspage scripts send their token as a form field."""
    return request.form.get("api_key", "") if bodies.is_form() and not bodies.is_ours() else ""


def _page(public_id: str) -> PageView:
    page_id = session().scalar(select(Page.id).where(Page.public_id == public_id))
    if page_id is None or bearer().actor.role_on(page_id) is None:
        raise NotFound  # a token of another page must not learn that this page exists
    return read_page(session(), page_id)
