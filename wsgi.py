"""The WSGI entry: snapshot files first, the app behind them.

`create_app` opens no database connection, so the public pages are served even when the database is down at the start.
"""

import threading

from app import create_app
from app.patience import SERVING
from app.publish.serve import SnapshotServer
from app.settings import load
from app.web.crowd import APP_SLOTS, Crowd
from app.worker.sweeps import refresh_stale, run_sweep

LOOK_EVERY_SECONDS = 0.01
_settings = load()
_flask_app = create_app(_settings, SERVING)
app = SnapshotServer(_settings.public_root, Crowd(_flask_app, APP_SLOTS), LOOK_EVERY_SECONDS)


def _publish_what_was_committed() -> None:
    """A process that died between commit and write left a revision unrendered: render it, beside the start."""
    with _flask_app.app_context():
        run_sweep(refresh_stale, _settings)


threading.Thread(target=_publish_what_was_committed, daemon=True).start()
