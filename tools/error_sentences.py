"""Finds the sentences in the code: every text that reads like one and isn't a docstring.

A value in a sentence becomes a blank that is named after its expression: `f"Page {slug} not found."` is the message
"Page {slug} not found.".
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

APP = Path(__file__).resolve().parent.parent / "app"
VISITORS = (
    "actions/subscribers/browsers.py",
    "actions/rate_limits.py",
    "actions/subscribers/shared.py",
    "actions/subscribers/subscriptions.py",
    "channels/email.py",
    "channels/numbers.py",
    "channels/push.py",
    "channels/registry.py",
    "db/transactions.py",
    "queries/visitor_pages.py",
    "web/pages.py",
    "web/problems.py",
    "web/site/personal.py",
    "web/site/push.py",
    "web/site/subscribe.py",
)
"""The modules whose errors visitors can see: their sentences are translated into every language."""

_LABELS = {"Prose", "Exact", "clean_field"}
"""Calls that are given the name of a field, such as "The title", which sentences then begin with."""

LEAST = 6
"""How many letters a message has of its own: one of blanks alone would match everything."""

_SENTENCE = re.compile(r"(?:[A-Z“]|\{\w+\})[^\n]* [^\n]*[.}]")


def sentences(paths: Iterable[Path]) -> dict[str, set[str]]:
    """Every sentence in these modules, with the modules that say it."""
    found: dict[str, set[str]] = {}
    for path in paths:
        for message in _said(ast.parse(path.read_text("utf-8"))):
            found.setdefault(message, set()).add(path.relative_to(APP).as_posix())
    return found


def for_visitors() -> dict[str, set[str]]:
    """The sentences that visitors can see."""
    return sentences(APP / name for name in VISITORS)


def for_everybody() -> dict[str, set[str]]:
    """The sentences that anyone can see, in the console, the API or a command."""
    return sentences(sorted(APP.rglob("*.py")))


def _said(tree: ast.AST) -> Iterator[str]:
    documentation = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    pieces = {id(piece) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for piece in node.values}
    for node in ast.walk(tree):
        if id(node) in documentation | pieces or not isinstance(node, ast.Constant | ast.JoinedStr | ast.Call):
            continue
        if isinstance(node, ast.Call):
            yield from _labels(node)
            continue
        message = _message(node)
        if _SENTENCE.fullmatch(message) and len(re.sub(r"\{\w+\}|\W", "", message)) >= LEAST:
            yield message


def _labels(call: ast.Call) -> Iterator[str]:
    if isinstance(call.func, ast.Name) and call.func.id in _LABELS:
        given = [*call.args, *(word.value for word in call.keywords if word.arg == "label")]
        for one in given:
            if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value.startswith("The "):
                yield one.value


def _message(node: ast.Constant | ast.JoinedStr) -> str:
    """The text with its blanks; "" if it isn't a text, or consists of blanks only."""
    if isinstance(node, ast.Constant):
        # blanks that str.format fills in later may have a format, which a value in a sentence has no longer
        return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", node.value) if isinstance(node.value, str) else ""
    parts = [
        piece.value if isinstance(piece, ast.Constant) else "{" + _blank(piece) + "}"
        for piece in node.values
        if isinstance(piece, ast.Constant | ast.FormattedValue)
    ]
    return "".join(map(str, parts))


def _blank(piece: ast.AST) -> str:
    assert isinstance(piece, ast.FormattedValue)
    name = re.sub(r"\W+", "_", ast.unparse(piece.value)).strip("_")[:40].lower()
    return name if name.isidentifier() else f"value_{name}"
