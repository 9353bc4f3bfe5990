"""Finds the sources: every module of this folder that has a `SOURCE`."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

import app.sources
from app.sources.base import Source


def source(name: str) -> Source | None:
    """The source of this name."""
    return sources().get(name)


def source_at(path: str) -> Source | None:
    """The source that is called at /hooks/`path`."""
    return next((one for one in sources().values() if path in one.paths), None)


@cache
def sources() -> Mapping[str, Source]:
    """Every source by its name."""
    modules = (
        importlib.import_module(f"app.sources.{module.name}") for module in pkgutil.iter_modules(app.sources.__path__)
    )
    found = (getattr(module, "SOURCE", None) for module in modules)
    return {one.name: one for one in found if isinstance(one, Source)}
