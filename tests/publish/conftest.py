from collections.abc import Iterable
from typing import Any

import pytest
from werkzeug.test import Client

from app.publish.serve import SnapshotServer
from app.settings import Settings

BEHIND = b"the app behind"


def behind(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """What stands behind the snapshot: reached only by addresses that are not public."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [BEHIND]


@pytest.fixture
def reader(settings: Settings) -> Client:
    """A reader of the public side: no Flask, no database."""
    return Client(SnapshotServer(settings.public_root, behind))
