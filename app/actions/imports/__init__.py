"""Brings history from elsewhere into a page."""


def import_statuspage(*_args: object, **_kwargs: object) -> None:
    """Being written."""
