"""Where our own API is described."""

from importlib.metadata import PackageNotFoundError, version

from flask.typing import ResponseReturnValue

from app.web.access import audience
from app.web.api.blueprint import blueprint, settings
from app.web.api.openapi import openapi


@blueprint.get("/api/openapi.json")
@audience("public")
def describe() -> ResponseReturnValue:
    """The API in OpenAPI 3.1."""
    try:
        number = version("candor")
    except PackageNotFoundError:  # run from a checkout that was never installed
        number = "0"
    return openapi(settings().base_url, number), {"Access-Control-Allow-Origin": "*"}
