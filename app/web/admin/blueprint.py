"""The blueprint of the installation's screens."""

from flask import Blueprint

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
