"""A script with a token, as those that were written for Statuspage are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import TypeAdapter
from werkzeug.test import Client, TestResponse

from app.actions.accounts.api_tokens import create_token
from app.db import session
from app.models.page import Page
from app.publish.serve import SnapshotServer
from app.settings import Settings
from app.web.api.blueprint import OPERATIONS
from tests.factories import ALICE
from tests.publish.conftest import behind


@dataclass(frozen=True)
class Script:
    """Calls the API with its token."""

    client: FlaskClient
    token: str
    root: str

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        """An answer of whatever kind; `path` below the page.  At our own address it is as it is described."""
        session().rollback()
        headers = {"Authorization": f"OAuth {self.token}", **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        answer = self.client.open(f"{self.root}{path}", method=method, headers=headers, **options)
        if self.root.startswith("/api/") and answer.status_code < 300 and answer.is_json:
            endpoint, _ = self.client.application.url_map.bind("").match(f"{self.root}{path.partition('?')[0]}", method)
            described = next(one for one in OPERATIONS if f"api.{one.name}" == endpoint)
            TypeAdapter(described.answers).validate_python(answer.json)
            assert answer.status_code == described.status
        return answer

    def get(self, path: str, **options: Any) -> Any:
        """What stands there."""
        answer = self.call("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """What came of it: 200 or 201."""
        answer = self.call(method, path, body, **options)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str]:
        """The status and the sentence of a refusal, in Statuspage's shape."""
        answer = self.call(method, path, body, **options)
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.json is not None and answer.json["error"] == answer.json["message"]
        return answer.status_code, answer.json["error"]


@pytest.fixture
def script_with(app: Flask, page_id: int) -> Callable[..., Script]:
    """Makes a script whose token has these scopes."""

    def make(*scopes: str) -> Script:
        _, token = create_token(ALICE, name=f"script {','.join(scopes)}", scopes=scopes)
        public_id = session().get_one(Page, page_id).public_id
        return Script(app.test_client(), token, f"/v1/pages/{public_id}")

    return make


@pytest.fixture
def script(script_with: Callable[..., Script]) -> Script:
    """One that may do everything."""
    return script_with("admin")


@pytest.fixture
def reader(settings: Settings) -> Client:
    """The public side, which shows what scripts did."""
    return Client(SnapshotServer(settings.public_root, behind))
