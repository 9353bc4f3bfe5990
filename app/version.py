"""Which version of Candor this is, as its package says."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("candor")
except PackageNotFoundError:  # run from a checkout that was never installed
    VERSION = "0"
