"""Browser notifications: the service worker that shows them, and the requests of the button on the page."""

import json
from pathlib import Path
from typing import Any

from flask import current_app, request, send_file
from werkzeug.wrappers import Response

from app.actions.subscribers import browsers
from app.errors import Invalid
from app.queries.visitor_pages import page
from app.text import clean
from app.web.access import audience
from app.web.pages import visited_page
from app.web.site.blueprint import blueprint

MOST_COMPONENTS = 1000


@blueprint.get("/push-worker.js")
@audience("public")
def push_worker() -> Response:
    """The script that shows notices while no page is open.  It is at the root, so that its scope is the whole site."""
    answer = send_file(Path(current_app.static_folder or "") / "js" / "push-worker.js", mimetype="text/javascript")
    answer.headers["Service-Worker-Allowed"] = f"{request.script_root}/"
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@blueprint.post("/subscribe/push")
@audience("public")
def subscribe_browser() -> Response:
    """Subscribe the browser that asks, to what was chosen on the page."""
    said = _said()
    chosen = said.get("components", [])
    if not isinstance(chosen, list) or len(chosen) > MOST_COMPONENTS:
        raise Invalid.field("components", "Choose at least one component, or choose all updates.")
    browsers.subscribe_browser(
        current_app.config["SETTINGS"],
        page(slug=visited_page()).id,
        _subscription(said),
        [clean(str(one)[:100]) for one in chosen],
        post=clean(str(said.get("post") or "")[:100]),
        ip=request.remote_addr or "",
    )
    return Response(status=204)


@blueprint.post("/unsubscribe/push")
@audience("public")
def unsubscribe_browser() -> Response:
    """End what the browser that asks gets."""
    browsers.unsubscribe_browser(current_app.config["SETTINGS"], page(slug=visited_page()).id, _subscription(_said()))
    return Response(status=204)


def _said() -> dict[str, Any]:
    said = request.get_json(force=True, silent=True)
    if not isinstance(said, dict):
        raise Invalid("This address accepts only JSON, as the button on the page sends it.")
    return said


def _subscription(said: dict[str, Any]) -> str:
    return json.dumps(said.get("subscription"))
