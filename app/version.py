"""Candor's version, from its package."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("candor")
except PackageNotFoundError:  # run from a checkout that was never installed
    VERSION = "0"
