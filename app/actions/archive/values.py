"""One value of a row: as JSON holds it, and back from there, checked."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Enum, String, Text
from sqlalchemy.sql.elements import KeyedColumnElement
from sqlalchemy.sql.schema import Column, ScalarElementColumnDefault

from app.actions.imports.fields import YEARS, RowError
from app.db import UtcDateTime
from app.text import is_clean

PUBLIC_ID = re.compile(r"[a-z0-9]{1,32}")
LARGEST_WHOLE = 2**31 - 1


class _Required:
    """Stands for "there is no default": None is a default of its own."""


REQUIRED = _Required()


@dataclass(frozen=True, slots=True)
class Field:
    """What a column may hold.  `default` is for archives that were written before the column was there."""

    name: str
    kind: type
    nullable: bool
    limit: int | None
    words: frozenset[str]
    default: Any

    def read(self, row: Mapping[str, Any]) -> Any:
        """The value in a row of an archive.  Raises RowError."""
        raw = row.get(self.name, self.default)
        if raw is REQUIRED:
            raise RowError(f"it has no {self.name}")
        if raw is None:
            if not self.nullable:
                raise RowError(f"its {self.name} is empty")
            return None
        return self._checked(raw)

    def _checked(self, raw: Any) -> Any:
        if self.kind in {datetime, date}:
            return _read_time(raw, self)
        if type(raw) is not self.kind:
            raise RowError(f"its {self.name} is not of the right kind")
        if isinstance(raw, str):
            return self._text(raw)
        if isinstance(raw, int) and not 0 <= raw <= LARGEST_WHOLE:
            raise RowError(f"its {self.name} is out of range")
        return raw

    def _text(self, raw: str) -> str:
        if self.limit is not None and len(raw) > self.limit:
            raise RowError(f"its {self.name} is longer than {self.limit} characters")
        if not is_clean(raw) or (self.limit is not None and not raw.isprintable() and ("\n" in raw or "\t" in raw)):
            raise RowError(f"its {self.name} has characters that no text of Candor's has")
        if self.words and raw not in self.words:
            raise RowError(f"its {self.name} is none that Candor knows")
        if self.name == "public_id" and not PUBLIC_ID.fullmatch(raw):
            raise RowError("its public_id is no id of small letters and digits")
        return raw


def field_of(column: KeyedColumnElement[Any], words: Iterable[str] | None) -> Field:
    """What a table's column may hold."""
    assert isinstance(column, Column)
    default: Any = REQUIRED
    if column.nullable:
        default = None
    elif isinstance(column.default, ScalarElementColumnDefault):
        default = column.default.arg
    held = column.type
    if isinstance(held, Enum):
        return Field(column.name, str, bool(column.nullable), None, frozenset(held.enums), default)
    limit = held.length if isinstance(held, String) and not isinstance(held, Text) else None
    kind = datetime if isinstance(held, UtcDateTime) else held.python_type
    return Field(column.name, kind, bool(column.nullable), limit, frozenset(words or ()), default)


def to_json(value: Any) -> Any:
    """A column's value as JSON holds it: instants in UTC with Z, days as they are written in ISO 8601."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def _read_time(raw: Any, field: Field) -> datetime | date:
    try:
        if field.kind is date:
            day = date.fromisoformat(raw)
            if day.year in YEARS:
                return day
        else:
            at = datetime.fromisoformat(raw)
            if at.tzinfo is not None and at.year in YEARS:
                return at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise RowError(f"its {field.name} is no {'day' if field.kind is date else 'time with a zone'}")
