"""Probes: liveness, readiness and metrics."""

from app.web.probes import health, metrics
from app.web.probes.blueprint import blueprint

__all__ = ["blueprint", "health", "metrics"]
