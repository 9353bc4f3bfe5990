"""The console's blueprint, on its own so that every screen can hang its routes on it."""

from flask import Blueprint

blueprint = Blueprint("console", __name__, url_prefix="/console")
