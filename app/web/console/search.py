"""The search terms for subscribers."""

from flask import current_app

from app.actions.subscribers.shared import hashes_of
from app.queries.subscribers import Search
from app.vocabulary import Role
from app.web.guarding import may


def search_for(words: str) -> Search:
    """The search for `words`: an address or id by everyone, parts of one by leads alone."""
    hashes = hashes_of(current_app.config["SETTINGS"], words) if words else []
    return Search(words, hashes, is_exact=not may(Role.LEAD))
