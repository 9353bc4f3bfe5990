"""Reading what Cachet's API answers: version 2 (/api/v1/…) and version 3 (/api/…, in the shape of JSON:API).

All files are read together, because incidents, their updates, components and groups come from different addresses.
What a row is can be told from what it has.  Shapes: cachethq/cachet 2.3 and 2.4 (presenters, and answers recorded in
the tests of its API clients), cachethq/core (HTTP resources and enums) and docs.cachethq.io.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from app.errors import Invalid
from app.transfer.status_pages import cachet_2, cachet_3
from app.transfer.status_pages.documents import Gathering, ImportedDocument
from app.transfer.status_pages.json_files import load

STRANGE = "it isn't a component, group, incident, schedule or update from Cachet"


@dataclass(slots=True)
class _Pages:
    """Which pages of which lists are there, and which of them says that there is another."""

    here: set[tuple[str, int]] = field(default_factory=set)
    wanted: dict[tuple[str, int], str] = field(default_factory=dict)

    def add(self, name: str, kind: str, document: Mapping[str, Any]) -> None:
        """Note what a document says of its place among the pages."""
        number, has_next = _place(document)
        self.here.add((kind, number))
        if has_next:
            self.wanted[kind, number + 1] = name

    def missing(self) -> list[tuple[str, str]]:
        """Each file whose next page isn't there, and why that matters."""
        return [
            (name, f"page {number} of its {kind} is not there: fetch it too")
            for (kind, number), name in sorted(self.wanted.items())
            if (kind, number) not in self.here
        ]


def read_document(paths: Iterable[Path], zone: ZoneInfo) -> ImportedDocument:
    """Read all files.  Cachet writes times without their zone: `zone` is that of its settings.

    Raises:
        Invalid: a file is none of Cachet's; the sentence names it.
    """
    gathering, pages = Gathering(), _Pages()
    second, third = cachet_2.Cachet2Rows(zone), cachet_3.Cachet3Rows(zone)
    for path in paths:
        raw = load(path)
        data = raw.get("data") if isinstance(raw, dict) else None
        rows = [data] if isinstance(data, dict) else data
        if not isinstance(rows, list):
            raise Invalid(f"{path.name} isn't a response from Cachet's API: it has no data.")
        kinds = [_add(second, third, row) for row in rows]
        for row, kind in zip(rows, kinds, strict=True):
            if kind is None:
                gathering.refuse("row", row, STRANGE)
        third.include(raw.get("included"))
        pages.add(path.name, next((kind for kind in kinds if kind), "rows"), raw)
    for name, reason in pages.missing():
        gathering.refuse("document", {"name": name}, reason)
    second.read(gathering)
    third.read(gathering)
    return gathering.document("Cachet")


def _add(second: cachet_2.Cachet2Rows, third: cachet_3.Cachet3Rows, row: Any) -> str | None:
    """Put a row to those of its version; what it is, None when it is nothing known."""
    if not isinstance(row, dict):
        return None
    return third.add(row) if isinstance(row.get("attributes"), dict) else second.add(row)


def _place(document: Mapping[str, Any]) -> tuple[int, bool]:
    meta = document.get("meta")
    facts = meta if isinstance(meta, dict) else {}
    paging = facts.get("pagination", facts)
    links = document.get("links") if paging is facts else paging.get("links") if isinstance(paging, dict) else None
    number = paging.get("current_page") if isinstance(paging, dict) else None
    following = links.get("next") or links.get("next_page") if isinstance(links, dict) else None
    return (number if isinstance(number, int) else 1), bool(following)
