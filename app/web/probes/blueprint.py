"""The probes' blueprint."""

from flask import Blueprint

blueprint = Blueprint("probes", __name__)
