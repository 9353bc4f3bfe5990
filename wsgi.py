"""The WSGI entry: snapshot files first, the app behind them.

`create_app` opens no database connection, so the public pages are served even when the database is down at the start.
"""

from app import create_app
from app.publish.serve import SnapshotServer
from app.settings import load

_settings = load()
app = SnapshotServer(_settings.public_root, create_app(_settings))
