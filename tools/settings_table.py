"""Writes the table of settings into README, from where they are declared: `python -m tools.settings_table`."""

import re
from pathlib import Path

from app.settings import SETTINGS

README = Path(__file__).resolve().parent.parent / "README.md"
HEAD = "| variable | default | meaning |\n|---|---|---|\n"


def table() -> str:
    """The table as README has it."""
    return HEAD + "".join(f"| `{row.variable}` | {row.default} | {row.meaning} |\n" for row in SETTINGS)


def main() -> None:
    text = README.read_text("utf-8")
    README.write_text(re.sub(rf"{re.escape(HEAD)}(\|.*\n)*", lambda _: table(), text), "utf-8")


if __name__ == "__main__":
    main()
