"""What migrations use to change tables: CHECKs over closed vocabularies, kept when SQLite makes a table again."""

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
    """`op.batch_alter_table`, which on SQLite would lose the table's CHECKs: Alembic does not reflect them.

    `dropping_checks` are those that go, by the columns that they are about.
    """
    gone = {f"ck_{table}_{column}" for column in dropping_checks}
    if op.get_bind().dialect.name != "sqlite":
        for name in gone:
            op.drop_constraint(op.f(name), table, type_="check")
        with op.batch_alter_table(table) as batch:
            yield batch
        return
    kept = tuple(
        sa.CheckConstraint(sa.text(found["sqltext"]), name=op.f(found["name"]))
        for found in sa.inspect(op.get_bind()).get_check_constraints(table)
        if found["name"] is not None and found["name"] not in gone
    )
    with op.batch_alter_table(table, table_args=kept, recreate="always" if gone else "auto") as batch:
        for name in gone:
            batch.drop_constraint(op.f(name), type_="check")
        yield batch


def check_words(batch: BatchOperations, table: str, column: str, words: Collection[str]) -> None:
    """Let a column hold these words and no others, from inside `changing_table`."""
    batch.create_check_constraint(op.f(f"ck_{table}_{column}"), sa.text(word_check(column, words)))


def words_of(condition: str) -> set[str]:
    """The words in such a condition, as either database gives it back."""
    return set(re.findall(r"'([^']*)'", condition))
