"""The board's blueprint."""

from flask import Blueprint

blueprint = Blueprint("board", __name__, url_prefix="/board")
