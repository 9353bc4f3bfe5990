"""Discovers the parts of the web application: every folder beside this file that has a `blueprint`."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from flask import Blueprint, Flask
from flask.json.provider import DefaultJSONProvider
from flask_wtf.csrf import CSRFProtect

from app.web import access, context, guarding, htmx, problems, security


def wire(app: Flask) -> None:
    """Give `app` its headers, guards, error pages, context and routes.

    Raises:
        RuntimeError: a route doesn't say who may call it.
    """
    if isinstance(app.json, DefaultJSONProvider):  # the order of keys is part of what an API says
        app.json.sort_keys = False
    security.install(app)
    app.before_request(guarding.guard)  # before CSRF: people who are signed out learn that first
    csrf = CSRFProtect(app)
    htmx.install(app)
    problems.install(app)
    context.install(app)
    for module_name, blueprint in _blueprints():
        app.register_blueprint(blueprint)
        for view in getattr(importlib.import_module(module_name), "CSRF_EXEMPT", ()):
            csrf.exempt(view)
    if app.has_static_folder:
        access.audience("public")(app.view_functions["static"])
    access.require_declarations(app)


def _blueprints() -> Iterator[tuple[str, Blueprint]]:
    for found in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if not found.ispkg:
            continue
        name = f"app.web.{found.name}"
        blueprint = getattr(importlib.import_module(name), "blueprint", None)
        if isinstance(blueprint, Blueprint):
            yield name, blueprint
