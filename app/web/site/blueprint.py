"""The visitors' blueprint."""

from flask import Blueprint

blueprint = Blueprint("site", __name__)
