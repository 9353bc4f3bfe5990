"""One's own account: contacts and notices."""

from app.web.account import contacts
from app.web.account.blueprint import blueprint

__all__ = ["blueprint", "contacts"]
