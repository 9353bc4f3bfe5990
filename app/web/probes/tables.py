"""Whether the database's tables are those of this version.  Alembic isn't loaded for it: it is checked often."""

import re
from functools import lru_cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

VERSIONS = Path(__file__).parent.parent.parent.parent / "migrations" / "versions"
_REVISION = re.compile(r'^revision = "(\w+)"', re.MULTILINE)
_DOWN_REVISION = re.compile(r'^down_revision = "(\w+)"', re.MULTILINE)


def what_is_missing(session: Session) -> str:
    """Why the tables aren't ready for this version, empty when they are.  One query.

    Tables of a newer version are ready: while machines are upgraded one after another, those that are left go on.
    """
    at = session.execute(text("SELECT version_num FROM alembic_version")).scalar()
    known, newest = known_revisions()
    if at is None or (at in known and at != newest):
        return f"The database is at revision {at or 'none'}, not {newest}. Run candor db upgrade."
    return ""


@lru_cache(maxsize=1)
def known_revisions() -> tuple[frozenset[str], str]:
    """The revisions that this version knows, and the newest of them."""
    sources = [path.read_text("utf-8") for path in VERSIONS.glob("*.py")]
    known = {found for source in sources for found in _REVISION.findall(source)}
    older = {found for source in sources for found in _DOWN_REVISION.findall(source)}
    (newest,) = known - older
    return frozenset(known), newest
