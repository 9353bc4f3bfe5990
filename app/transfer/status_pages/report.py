"""The report of an import: what was imported, and what wasn't and why."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

TAKEN, UPDATED, UNCHANGED, SKIPPED = "taken", "updated", "unchanged", "skipped"


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One thing of a document.  `outcome` is taken, updated, unchanged or skipped; `reason` says why it was skipped."""

    kind: str
    id: str
    name: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Every row of every document, in order."""

    rows: tuple[ReportRow, ...] = ()
    dry_run: bool = False

    def counts(self) -> dict[str, int]:
        """How many rows had each outcome."""
        return dict(Counter(row.outcome for row in self.rows))

    def to_json(self) -> dict[str, Any]:
        """The report for machines: the counts, and the rows that were skipped."""
        skipped = [row for row in self.rows if row.outcome == SKIPPED]
        return {
            "dry_run": self.dry_run,
            "counts": self.counts(),
            "skipped": [{"kind": row.kind, "id": row.id, "name": row.name, "reason": row.reason} for row in skipped],
        }
