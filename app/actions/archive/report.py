"""What an archive holds, and what became of it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

TAKEN, KEPT, LEFT_OUT = "taken", "kept", "left out"


@dataclass(slots=True)
class ArchiveReport:
    """How many rows of each kind were taken, were here already and kept as they are, or had to be left out."""

    dry_run: bool = False
    page: str = ""
    is_paused: bool = False
    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, file: str, outcome: str, number: int = 1) -> None:
        """Count rows of a file."""
        if number:
            self.counts.setdefault(file.partition(".")[0], Counter())[outcome] += number

    def total(self, outcome: str) -> int:
        """How many rows of all kinds had this outcome."""
        return sum(count[outcome] for count in self.counts.values())

    def to_json(self) -> dict[str, Any]:
        """The report for machines."""
        counts = {kind: dict(count) for kind, count in self.counts.items()}
        return {"dry_run": self.dry_run, "page": self.page, "paused": self.is_paused, "counts": counts}
