"""What an import of subscribers took, and which lines it did not and why.  No address is in it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

TAKEN, UPDATED, UNCHANGED, REFUSED = "taken", "updated", "unchanged", "refused"
SHOWN = 1000


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that was not taken."""

    line: int
    reason: str


@dataclass(slots=True)
class ImportReport:
    """Filled while lines are read.  `new_secrets` counts webhooks that came without the secret that signs for them."""

    dry_run: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)
    new_secrets: int = 0

    def refuse(self, line: int, reason: str) -> None:
        self.counts[REFUSED] += 1
        self.refused.append(Refused(line, reason))

    def to_json(self) -> dict[str, Any]:
        """For machines: counts, every refused line, and how many states stayed as they were here and why."""
        return {
            "dry_run": self.dry_run,
            "counts": dict(self.counts),
            "kept": dict(self.kept),
            "new_secrets": self.new_secrets,
            "refused": [{"line": one.line, "reason": one.reason} for one in self.refused],
        }
