"""The internal incident board: what is open, who leads, what was published and what was promised."""

from app.web.board import incident, overview
from app.web.board.blueprint import blueprint

__all__ = ["blueprint", "incident", "overview"]
