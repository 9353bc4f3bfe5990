"""The WSGI entry: snapshot files first, the app behind them.

`create_app` opens no database connection, so the public pages are served even when the database is down at the start.
"""

import gc

from app import create_app
from app.db import SERVING
from app.publish.serve import SnapshotServer
from app.settings import load
from app.web import watch
from app.web.concurrency_limit import APP_SLOTS, ConcurrencyLimit

LOOK_EVERY_SECONDS = 0.01
_settings = load()
_flask_app = create_app(_settings, SERVING)
_limited = ConcurrencyLimit(_flask_app, APP_SLOTS)
app = SnapshotServer(_settings.public_root, _limited, LOOK_EVERY_SECONDS, _settings.base_url)
gc.collect()
gc.freeze()  # what is loaded now stays: looking through it again and again costs readers a tenth of the requests
watch.start(_flask_app, _settings)
