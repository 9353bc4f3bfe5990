"""Errors as HTTP responses: the only place that knows the status codes of domain errors.  It needs no database."""

import json
import logging
from collections.abc import Mapping

from flask import Flask, current_app, make_response, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response

from app import errors
from app.db import is_unavailable, what_is_wrong
from app.publish.addresses import DEFAULT_SLUG
from app.publish.artifact import read_artifact
from app.publish.serve import PAGE
from app.settings import Settings
from app.text import header_safe, public_id
from app.vocabulary import Language
from app.web.access import known_actor, wants_json
from app.web.wording import error_texts, visitor_language

logger = logging.getLogger(__name__)
RETRY_SECONDS = 5
STATUSES: dict[type[errors.CandorError], int] = {
    errors.Invalid: 422,
    errors.NotFound: 404,
    errors.Forbidden: 403,
    errors.NotAllowed: 403,
    errors.Stale: 409,
    errors.Conflict: 409,
    errors.NeedsConfirmation: 422,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}
TITLES = {
    400: "This request can't be read",
    401: "You're signed out",
    403: "You don't have access",
    404: "Not found",
    405: "This isn't supported here",
    409: "Something changed in the meantime",
    413: "This is too large",
    415: "This form can't be read",
    422: "Something needs correcting",
    429: "Too many attempts",
    500: "Something went wrong",
    503: "Temporarily unavailable",
}
SENTENCES = {
    400: "Candor can't read this request. Go back, reload the page and try again.",
    401: "Sign in and try again.",
    403: "Your role doesn't allow this. Ask an admin for access.",
    404: "There is nothing at this address. Check it for typos.",
    405: "This address doesn't support this request method.",
    413: "Your upload is larger than {limit:,} MB. Make it smaller and try again.",
    415: "Candor can't read this form's format.",
    429: "Wait a moment, then try again.",
    503: "The database isn't available. Nothing was changed. Try again in a few seconds.",
}
FOR_PROGRAMS = {
    400: "Candor can't read this request.",
    415: "Candor can't read this format. Send JSON or a form.",
}
"""What is said to programs instead, which have no page to reload."""

STATUSPAGE_SHAPED, OURS = "/v1/", "/api/"
EXPIRED_FORM = "This form has expired. Go back, reload the page and submit it again."


def install(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(errors.CandorError, _domain)
    app.register_error_handler(CSRFError, lambda _error: answer(400, EXPIRED_FORM, title="The form has expired"))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DBAPIError, _database)
    app.register_error_handler(PoolTimeout, lambda _error: _unavailable(SENTENCES[503]))
    app.register_error_handler(Exception, _fault)


def answer(
    status: int, sentence: str, *, title: str = "", reference: str = "", fields: Mapping[str, str] | None = None
) -> Response:
    """A page, or problem+json for JSON clients, that says what is wrong; in Statuspage's shape below /v1.

    The texts are translated here, and nowhere else on the way.
    """
    language = visitor_language(ask_database=status < 500)
    texts, english = error_texts(language), dict(fields or {})
    fields = {name: texts.say(one) for name, one in english.items()}
    sentence = texts.say_with(sentence, english, fields)
    if request.path.startswith(STATUSPAGE_SHAPED):
        told = {"error": sentence, "message": sentence} | ({"reference": reference} if reference else {})
        return make_response(told, status)
    title = texts.say(title or TITLES.get(status, HTTP_STATUS_CODES.get(status, TITLES[500])))
    if wants_json() or request.path.startswith(OURS):
        facts: dict[str, object] = {"type": "about:blank", "title": title, "status": status, "detail": sentence}
        facts |= ({"fields": fields} if fields else {}) | ({"reference": reference} if reference else {})
        response = make_response(json.dumps(facts), status)
        response.content_type = "application/problem+json"
    else:
        page = render_template(
            "problem.html",
            title=title,
            sentence=sentence,
            status=status,
            reference=reference,
            spoken=language or Language.ENGLISH,
            _=texts.say,
        )
        response = make_response(page, status)
        if request.headers.get("HX-Request") == "true":
            response.headers["HX-Retarget"] = "body"  # a whole page must not land in a corner of another
            response.headers["HX-Reswap"] = "innerHTML"
    return response


def _domain(error: errors.CandorError) -> Response:
    if isinstance(error, errors.Unavailable):
        return _unavailable(error.sentence)
    status = next((code for kind, code in STATUSES.items() if isinstance(error, kind)), 500)
    response = answer(status, _sentence(error), fields=error.fields if isinstance(error, errors.Invalid) else None)
    if isinstance(error, errors.TooMany):
        response.headers["Retry-After"] = str(max(1, error.retry_after))
    return response


def _sentence(error: errors.CandorError) -> str:
    """What is said; programs, which have no form to confirm in, are told how to confirm."""
    if isinstance(error, errors.NeedsConfirmation) and _is_program():
        found = " ".join(error.findings)
        return f"{error.sentence} {found} To publish it anyway, {error.BY_FIELD}."
    return error.sentence


def _is_program() -> bool:
    return request.path.startswith((STATUSPAGE_SHAPED, OURS))


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if error.response is not None or status < 400:
        return make_response(error.get_response())
    if status == 500:
        return _fault(error)
    missing = _page_of_what_is_missing() if status == 404 else None
    if missing is not None:
        return missing
    ours = (
        error.description
        if (status in {401, 403} or _is_program()) and error.description != type(error).description
        else (FOR_PROGRAMS.get(status, "") if _is_program() else "")
    )
    limit = (request.max_content_length or 0) // 1_000_000
    response = answer(status, ours or SENTENCES.get(status, SENTENCES[400]).format(limit=limit))
    if status == 401 and request.headers.get("HX-Request") == "true":
        response.headers["HX-Redirect"] = url_for("auth.sign_in")
    for name, value in error.get_headers(request.environ):
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = header_safe(value)
    return response


def _page_of_what_is_missing() -> Response | None:
    """The public page's own "not found", in the language of the address: who mistyped an address is a reader.

    None for programs and for those who are signed in, and while nothing is published.
    """
    if known_actor() or wants_json() or request.headers.get("HX-Request") or _is_program():
        return None
    settings: Settings = current_app.config["SETTINGS"]
    language = request.path.split("/")[1]
    page = request.environ.get(PAGE) or DEFAULT_SLUG
    for path in (f"{language}/404.html", "404.html")[language not in set(Language) :]:
        found = read_artifact(settings.public_root / page / "current", path)
        if found is not None:
            return make_response(found.variants[""].body[0], 404)
    return None


def _database(error: DBAPIError) -> Response:
    if is_unavailable(error):
        logger.warning("the database is not available: %s", type(error.orig).__name__)
        return _unavailable(f"{what_is_wrong(error)} Try again soon.")
    return _fault(error)


def _unavailable(sentence: str) -> Response:
    response = answer(503, sentence)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _fault(error: Exception) -> Response:
    reference = public_id()
    logger.error("fault %s at %s", reference, request.endpoint, exc_info=error)
    return answer(
        500, "Something went wrong on our side, and we logged it. Try again in a moment.", reference=reference
    )
