"""Each state has one writer: app/states.  Nobody else sets what belongs to a state, in whatever way."""

import ast
from collections.abc import Iterator
from pathlib import Path

APP = Path(__file__).parent.parent.parent / "app"
COLUMNS = {
    "confirmed_at",
    "verified_at",
    "is_default",
    "code_version",
    "code_sent_at",
    "code_tries",
    "unsubscribed_at",
    "bounces",
    "failing_since",
    "disabled_why",
    "token_version",
    "leased_by",
    "leased_until",
    "first_attempt_at",
    "settled_at",
    "finished_at",
    "planned_at",
    "planned_through",
    "state",
}
"""What belongs to the state of a subscriber, a delivery, a notice, a dispatch or an account's contact."""

OTHER_STATES = {"app/actions/inbound/keeping.py", "app/actions/inbound/reading.py"}
"""Modules about inbound deliveries, which have columns of the same names; they may make none of our rows either."""

TABLES = {"Subscriber", "Suppression", "Dispatch", "Delivery", "Notice", "AccountNotice"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(APP.rglob("*.py")):
        name = str(path.relative_to(APP.parent))
        if not name.startswith("app/states/"):
            yield name, ast.parse(path.read_text())


def targets(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Assign):
        found = list(node.targets)
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        found = [node.target]
    else:
        return
    while found:
        one = found.pop()
        if isinstance(one, ast.Tuple | ast.List):
            found.extend(one.elts)
        else:
            yield one


def written(node: ast.AST) -> Iterator[str]:
    """What a node writes of the states: an attribute set, a column named in an UPDATE, a row made, a table filled."""
    for target in targets(node):
        if isinstance(target, ast.Attribute) and target.attr in COLUMNS and ast.unparse(target.value) != "self":
            yield f"sets {target.attr}"
    if not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Attribute) and node.func.attr == "values":
        yield from (f"updates {word.arg}" for word in node.keywords if word.arg in COLUMNS)
    if isinstance(node.func, ast.Name) and node.func.id in TABLES:
        yield f"makes a {node.func.id}"
    if isinstance(node.func, ast.Name) and node.func.id == "setattr":
        names = [word.value for word in node.args if isinstance(word, ast.Constant)]
        yield from (f"sets {name}" for name in names if name in COLUMNS)
    if isinstance(node.func, ast.Name) and node.func.id in {"insert", "delete"} and node.args:
        table = node.args[0]
        if isinstance(table, ast.Name) and (
            table.id == "Suppression" or (node.func.id == "insert" and table.id in TABLES)
        ):
            yield f"{node.func.id}s {table.id}"


def test_only_the_states_are_written_by_the_states() -> None:
    found = [
        f"{name}:{getattr(node, 'lineno', 0)} {what}"
        for name, tree in modules()
        for node in ast.walk(tree)
        for what in written(node)
        if name not in OTHER_STATES or what.split()[0] not in {"sets", "updates"}
    ]
    assert found == []


def test_the_test_sees_every_way_of_writing() -> None:
    ways = (
        "row.state = 1",
        "row.label, row.state = 1, 2",
        "row.bounces += 1",
        "update(Delivery).values(state=1)",
        "Subscriber(page_id=1)",
        "setattr(row, 'state', 1)",
        "insert(Suppression)",
        "delete(Suppression)",
    )
    for way in ways:
        assert [what for node in ast.walk(ast.parse(way)) for what in written(node)], way
