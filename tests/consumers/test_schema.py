"""schemathesis on our own API, as it is described, against a live Candor."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from app.actions.accounts.api_tokens import create_token
from app.db import db, session
from app.models.page import Page
from app.settings import Settings
from tests.factories import ALICE, make_component
from tests.processes import free_port, get, kill, start, wait_until_answers

pytestmark = pytest.mark.faults
EXAMPLES = 4
EXCLUDED = "positive_data_acceptance"
"""Whether an id is a component's, and a window not over yet, no schema can say: such requests are refused with 422."""


def test_the_description_and_the_api_agree(app: Flask, settings: Settings, page_id: int, tmp_path: Path) -> None:
    make_component(page_id)
    _, token = create_token(ALICE, name="schemathesis", scopes=["admin"])
    public_id = session().get_one(Page, page_id).public_id
    db.session.remove()
    settings = settings.with_changes(port=free_port())
    root = f"http://127.0.0.1:{settings.port}"
    web = start(settings, "web", extra={"API_REQUESTS_PER_MINUTE": "100000", "BASE_URL": root})
    try:
        wait_until_answers(f"{root}/api/openapi.json")
        described = json.loads(get(f"{root}/api/openapi.json")[1])
        assert described["openapi"] == "3.1.0" and len(described["paths"]) > 20
        (tmp_path / "schemathesis.toml").write_text(f'[parameters]\n"path.page_id" = "{public_id}"\n')
        command = [
            Path(sys.executable).with_name("schemathesis"), "--config-file", "schemathesis.toml", "run",
            f"{root}/api/openapi.json", "--header", f"Authorization: Bearer {token}", "--max-examples", str(EXAMPLES),
            "--phases", "coverage,fuzzing", "--exclude-checks", EXCLUDED, "--generation-deterministic", "--no-color",
        ]  # fmt: skip
        told = subprocess.run(
            command, check=False, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=900
        )
    finally:
        kill(web)
    assert told.returncode == 0, told.stdout[-6000:] + told.stderr[-2000:]
