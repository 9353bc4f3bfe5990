"""A live Candor over HTTP, for programs that nobody here wrote."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask

from app.actions.accounts.api_tokens import create_token
from app.db import session
from app.models.page import Page
from app.publish.refresh import refresh
from app.publish.serve import SnapshotServer
from app.settings import Settings
from tests.factories import ALICE, make_component
from tests.loopback import answering


@dataclass
class Live:
    """Where it answers, a token that may do everything, and what was asked: (path, status)."""

    url: str
    token: str
    page_id: str
    component: str
    asked: list[tuple[str, int]] = field(default_factory=list)


@pytest.fixture
def live(app: Flask, settings: Settings, page_id: int) -> Iterator[Live]:
    """The snapshot in front and the application behind it, on loopback."""
    component = make_component(page_id, "API")
    refresh(settings, page_id)
    _, token = create_token(ALICE, name="consumer", scopes=["admin"])
    made = Live("", token, session().get_one(Page, page_id).public_id, component)
    session().rollback()
    server = SnapshotServer(settings.public_root, app.wsgi_app)

    def noted(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def begin(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            made.asked.append((environ["PATH_INFO"], int(status[:3])))
            return start_response(status, headers, *rest)

        return server(environ, begin)

    with answering(noted) as made.url:
        yield made
