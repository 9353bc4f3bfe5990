"""Helpers for migrations: CHECK constraints for closed vocabularies."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations


def word_check(column: str, words: Collection[str]) -> str:
    """The condition of a CHECK that lets a column hold these words and no others."""
    return f"{column} IN ({', '.join(repr(word) for word in words)})"


@contextmanager
def changing_table(table: str, *, dropping_checks: Collection[str] = ()) -> Iterator[BatchOperations]:
    """`op.batch_alter_table`.  `dropping_checks` are CHECKs that go, by the columns that they are about.

    A column that is renamed loses its CHECK in a batch before that: SQLite's copy of the table still has the condition
    with the old name.
    """
    with op.batch_alter_table(table) as batch:
        for column in dropping_checks:
            batch.drop_constraint(op.f(f"ck_{table}_{column}"), type_="check")
        yield batch


def check_words(batch: BatchOperations, table: str, column: str, words: Collection[str]) -> None:
    """Let a column hold these words and no others, from inside `changing_table`."""
    batch.create_check_constraint(op.f(f"ck_{table}_{column}"), sa.text(word_check(column, words)))


def words_of(condition: str) -> set[str]:
    """The words in such a condition, as either database gives it back."""
    return set(re.findall(r"'([^']*)'", condition))
