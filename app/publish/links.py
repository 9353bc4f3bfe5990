"""The addresses that messages link to."""

from collections.abc import Iterable

from app.publish import tokens
from app.settings import Settings


def personal(
    settings: Settings, page_url: str, public_id: str, version: int, purposes: Iterable[str] = tokens.PURPOSES
) -> dict[str, str]:
    """A subscriber's own links, by placeholder name: `confirm_url`, `manage_url`, `unsubscribe_url`.

    They lead to the page's own address; without one, to BASE_URL.  Links that were sent before work at both.
    """
    base = page_url or settings.base_url
    return {
        f"{purpose}_url": f"{base}/{purpose}/{public_id}/"
        + tokens.sign(settings.secret_key, purpose, public_id, version)
        for purpose in purposes
    }


def permalink(page_url: str, post_public_id: str) -> str:
    """The address of a post on the public page."""
    return f"{page_url}/incidents/{post_public_id}"
