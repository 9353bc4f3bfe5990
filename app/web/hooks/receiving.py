"""Receives all inbound webhooks: each source declares its addresses below /hooks/."""

import json
import logging

from flask import current_app, request
from werkzeug.wrappers import Response

from app.actions.inbound import reading, receiving
from app.errors import NotFound, Unavailable
from app.settings import Settings
from app.sources import registry
from app.sources.base import Received
from app.web.access import audience
from app.web.hooks.blueprint import blueprint

logger = logging.getLogger(__name__)


@blueprint.post("/<path:address>")
@audience("public")
def receive(address: str) -> Response:
    """Take in one delivery.  The answer says whether it's new; what it means is read later, unless that can't wait."""
    settings: Settings = current_app.config["SETTINGS"]
    source = registry.source_at(address)
    if source is None:
        raise NotFound("No webhook is known at this address.")
    received = Received(
        body=request.get_data(cache=False),
        headers={name.lower(): value for name, value in request.headers.items()},
        path=request.full_path if request.query_string else request.path,
    )
    receipt = receiving.receive(settings, source, received)
    if receipt.row_id is not None and source.is_urgent(received):
        try:
            reading.read_now(settings, receipt.row_id)
        except Unavailable as error:
            logger.warning("an urgent delivery of %s waits for a worker: %s", source.name, error.sentence)
    reply = source.reply(received, settings)
    if reply is not None:
        return Response(reply.body, status=reply.status, mimetype=reply.mimetype)
    return Response(json.dumps({"taken": int(receipt.is_new)}), mimetype="application/json")
