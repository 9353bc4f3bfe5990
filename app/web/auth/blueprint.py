"""The blueprint of sign-in and set-up, and Flask-Login on server-side sessions."""

from flask import Blueprint
from flask.blueprints import BlueprintSetupState

from app.web.auth.login import manager, set_lifetime

blueprint = Blueprint("auth", __name__)


@blueprint.record_once
def _install(state: BlueprintSetupState) -> None:
    set_lifetime(state.app)
    manager().init_app(state.app, add_context_processor=False)
