"""Every verb stands in the frame: the page comes right after the actor, and the role is checked inside."""

import ast
from collections.abc import Iterator
from pathlib import Path

ACTIONS = Path(__file__).parent.parent.parent / "app" / "actions"
WITHIN = {"session", "change"}
"""First arguments of what runs inside another verb's transaction, whose frame has checked the role."""


def verbs() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every public function of the actions that somebody does: it takes an actor, and opens its own transaction."""
    for path in sorted(ACTIONS.rglob("*.py")):
        if path.name == "frame.py":
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                words = arguments(node)
                if "actor" in words and words[0] not in WITHIN:
                    yield f"{path.relative_to(ACTIONS.parent.parent)}: {node.name}", node


def arguments(verb: ast.FunctionDef) -> list[str]:
    return [one.arg for one in (*verb.args.posonlyargs, *verb.args.args, *verb.args.kwonlyargs)]


def calls(verb: ast.FunctionDef) -> list[str]:
    """What it calls, as written: `changing(settings, actor, page_id, needs=Role.LEAD)`."""
    return [ast.unparse(node) for node in ast.walk(verb) if isinstance(node, ast.Call)]


def test_every_verb_takes_its_page_right_after_the_actor_or_is_of_the_installation() -> None:
    found = dict(verbs())
    wrong = []
    for name, verb in found.items():
        words, called = arguments(verb), calls(verb)
        is_about_a_page = words[words.index("actor") + 1 :][:1] == ["page_id"]
        frame = "changing(settings, actor, page_id, " if is_about_a_page else "changing_installation(actor"
        # a page is removed by whoever may remove any: once it is gone, nobody has a role on it
        frames = (frame, "changing_installation(actor") if name.endswith("pages.py: remove_page") else (frame,)
        if not any(one.startswith(frames) for one in called) or "transaction()" in called:
            wrong.append(name)
    assert len(found) > 50
    assert wrong == []
