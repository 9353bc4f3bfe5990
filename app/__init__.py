"""Candor's application factory.  It wires the packages together and nothing else; none of them imports from here."""

from flask import Flask

from app import db as database
from app.channels.registry import label as channel_label
from app.db import WORKING, Timeouts
from app.models import registry
from app.records.registry import label as tracker_label
from app.settings import Settings, load


def create_app(settings: Settings | None = None, timeouts: Timeouts = WORKING) -> Flask:
    """The Flask app behind the snapshot server.  It starts whether or not the database can be reached.

    `timeouts` say how long its process waits for the database.

    Raises:
        SettingError: a setting is wrong.
        RuntimeError: a route doesn't say who may call it.
    """
    from app.web.wiring import wire

    app = create_app_without_web(settings, timeouts)
    wire(app)
    return app


def create_app_without_web(settings: Settings | None = None, timeouts: Timeouts = WORKING) -> Flask:
    """The same without routes, for commands and the worker: loading them takes a third of a short command's time.

    Raises:
        SettingError: a setting is wrong.
    """
    chosen = settings or load()
    app = Flask(__name__, template_folder="../templates", static_folder="../static")
    app.config.update(
        SETTINGS=chosen,
        SECRET_KEY=chosen.secret_key,
        SQLALCHEMY_DATABASE_URI=chosen.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=database.engine_options(chosen.database_url, timeouts),
    )
    app.add_template_filter(channel_label, "channel_label")
    app.add_template_filter(tracker_label, "tracker_label")
    registry.load_all()
    database.db.init_app(app)
    return app
