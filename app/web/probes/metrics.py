"""`/metrics` in Prometheus' text format, for callers with the token; for everyone else it isn't found."""

import hmac
from collections.abc import Iterable, Iterator

from flask import current_app, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from app.queries.figures import Family, figures
from app.settings import Settings
from app.web.access import audience
from app.web.probes.blueprint import blueprint

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


@blueprint.get("/metrics")
@audience("public")
def metrics() -> Response:
    """The figures, to who sends METRICS_TOKEN as a bearer token."""
    settings: Settings = current_app.config["SETTINGS"]
    if not _has_token(settings.metrics_token, request.headers.get("Authorization", "")):
        raise NotFound
    return Response(exposition(figures(settings)), content_type=CONTENT_TYPE)


def exposition(families: Iterable[Family]) -> str:
    """The families in text format 0.0.4."""
    return "".join(f"{line}\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.meaning}"
    yield f"# TYPE {family.name} gauge"
    for labels, value in family.samples:
        said = ",".join(f'{name}="{text.translate(_ESCAPED)}"' for name, text in labels.items())
        yield f"{family.name}{{{said}}} {value:.15g}" if said else f"{family.name} {value:.15g}"


def _has_token(token: str, authorization: str) -> bool:
    """Compared in a time that says nothing about where the two differ."""
    scheme, _, given = authorization.partition(" ")
    is_same = hmac.compare_digest(token.encode(), given.strip().encode("utf-8", "replace"))
    return bool(token) and scheme.lower() == "bearer" and is_same
