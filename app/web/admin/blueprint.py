"""The blueprint of what belongs to the installation, whichever pages it has."""

from flask import Blueprint

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
