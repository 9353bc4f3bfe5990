"""What machines ask of this process: whether it lives, whether it is ready, and its figures."""

from app.web.probes import health, metrics
from app.web.probes.blueprint import blueprint

__all__ = ["blueprint", "health", "metrics"]
