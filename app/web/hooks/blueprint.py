"""The blueprint of inbound webhooks."""

from flask import Blueprint

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")
