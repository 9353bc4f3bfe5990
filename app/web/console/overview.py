"""The overview: what is open, what is promised, what the public sees, how sending goes."""

from flask import current_app
from flask.typing import ResponseReturnValue

from app.channels.registry import all_channels
from app.db import session
from app.queries import posts, sending
from app.queries.components import all_components, component_groups
from app.settings import Settings
from app.web.access import actor, audience
from app.web.console.blueprint import blueprint
from app.web.console.publish_hook import publish_hook
from app.web.console.rendering import render
from app.web.console.verdicts import verdict_of
from app.web.pages import current_page


@blueprint.get("", strict_slashes=False)
@audience("viewer")
def overview() -> ResponseReturnValue:
    """Everything in one glance."""
    facts = current_page()
    settings: Settings = current_app.config["SETTINGS"]
    groups = component_groups(session(), facts.id)
    open_posts = posts.open_posts(session(), facts.id)
    return render(
        "console/overview.html",
        facts,
        open_posts=open_posts,
        recent_posts=posts.recent_posts(session(), facts.id),
        components=all_components(groups),
        verdict=verdict_of(all_components(groups), open_posts),
        health=sending.delivery_health(session(), facts.id),
        unsent=[channel.label for channel in all_channels() if not channel.is_configured(settings)],
        standing=sending.standing(session(), facts.id),
        publish_hook=publish_hook(settings, facts.slug, actor().role),
    )
