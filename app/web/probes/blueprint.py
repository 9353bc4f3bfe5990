"""The blueprint of what machines ask."""

from flask import Blueprint

blueprint = Blueprint("probes", __name__)
