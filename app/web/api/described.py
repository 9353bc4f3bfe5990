"""Where our own API is described."""

from flask.typing import ResponseReturnValue

from app.version import VERSION
from app.web.access import audience
from app.web.api.blueprint import blueprint, settings
from app.web.api.openapi import openapi


@blueprint.get("/api/openapi.json")
@audience("public")
def describe() -> ResponseReturnValue:
    """The API in OpenAPI 3.1."""
    return openapi(settings().base_url, VERSION), {"Access-Control-Allow-Origin": "*"}
