"""Generators of clients take every operation of `/api/openapi.json`, and leave nothing out."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.version import VERSION
from app.web.api.openapi import described

OVERRIDES = """
content_type_overrides:
  application/atom+xml: application/octet-stream
  application/rss+xml: application/octet-stream
  application/zip: application/octet-stream
post_hooks: []
"""
"""The generator knows no feeds and no archives; its own setting says that they are bytes."""

TYPESCRIPT = "openapi-typescript@7"


@pytest.fixture
def description(tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(described("https://status.example.com", VERSION)))
    return path


def names(description: Path) -> set[str]:
    paths = json.loads(description.read_text())["paths"]
    return {one["operationId"] for methods in paths.values() for one in methods.values()}


def test_openapi_python_client_makes_every_operation(description: Path, tmp_path: Path) -> None:
    program = os.environ.get("OPENAPI_PYTHON_CLIENT") or shutil.which("openapi-python-client")
    if program is None:
        pytest.skip(
            "openapi-python-client is not installed, or OPENAPI_PYTHON_CLIENT does not name it: it was not tried. "
            "It needs an environment of its own, because it pins what the tests need in other versions."
        )
    (tmp_path / "config.yaml").write_text(OVERRIDES)
    told = subprocess.run(
        [
            program, "generate", "--path", description, "--config", tmp_path / "config.yaml", "--meta", "none",
            "--output-path", tmp_path / "client", "--fail-on-warning",
        ],
        check=False, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert told.returncode == 0 and "WARNING" not in told.stdout + told.stderr, told.stdout + told.stderr
    made = {path.stem for path in (tmp_path / "client" / "api").rglob("*.py")} - {"__init__"}
    assert made == names(description)


def test_openapi_typescript_makes_every_operation(description: Path, tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("Node is not installed: openapi-typescript was not tried.")
    installed = subprocess.run(
        [npm, "install", "--no-save", "--ignore-scripts", TYPESCRIPT],
        check=False, cwd=tmp_path, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    if installed.returncode:
        pytest.skip(f"npm could not install {TYPESCRIPT}: {installed.stderr[-200:]}")
    program = tmp_path / "node_modules" / ".bin" / "openapi-typescript"
    told = subprocess.run(
        [program, description, "--output", tmp_path / "made.ts"],
        check=False, cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    made = (tmp_path / "made.ts").read_text()
    operations = made[made.index("export interface operations") :]
    assert set(re.findall(r"^    (\w+): \{", operations, re.MULTILINE)) == names(description) | {"receive_incident"}
