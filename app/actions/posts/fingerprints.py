"""A fingerprint of the request under an idempotency key, which tells a repeated request from a different one."""

import hashlib
import json
from collections.abc import Mapping


def fingerprint(asked: Mapping[str, object]) -> str:
    """64 letters and digits for what a caller asked for, as they asked: what a door fills in may differ the next time.

    An empty text or None says the same as leaving it out, and the order of names says nothing.
    """
    said = {name: value for name, value in asked.items() if value not in (None, "")}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
