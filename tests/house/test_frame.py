"""Every verb stands in the frame: the page comes right after the actor, and the role is checked inside."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

APP = Path(__file__).parent.parent.parent / "app"
WITHIN = {"session", "change"}
"""First arguments of what runs inside another verb's transaction, whose frame has checked the role."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A public function that somebody does: it takes an actor, and opens its own transaction."""

    name: str
    words: list[str]
    calls: set[str]
    """What it calls, itself or through a private function of its module, as written."""


def verbs() -> Iterator[Verb]:
    """Every verb of the actions and the transfers."""
    paths = [*APP.joinpath("actions").rglob("*.py"), *APP.joinpath("transfer").rglob("*.py")]
    for path in sorted(paths):
        if path.name == "frame.py":
            continue
        found = {node.name: node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
        for name, node in found.items():
            words = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            if "actor" in words and words[0] not in WITHIN and not name.startswith("_"):
                yield Verb(f"{path.relative_to(APP)}: {name}", words, calls(found, node))


def calls(module: dict[str, ast.FunctionDef], function: ast.FunctionDef) -> set[str]:
    made: set[str] = set()
    looked_at, to_look_at = set(), [function]
    while to_look_at:
        for node in ast.walk(to_look_at.pop()):
            if isinstance(node, ast.Call):
                made.add(ast.unparse(node))
                called = module.get(node.func.id) if isinstance(node.func, ast.Name) else None
                if called is not None and called.name.startswith("_") and called.name not in looked_at:
                    looked_at.add(called.name)
                    to_look_at.append(called)
    return made


def test_every_verb_takes_its_page_right_after_the_actor_or_is_of_the_installation() -> None:
    wrong, count = [], 0
    for verb in verbs():
        count += 1
        is_about_a_page = verb.words[verb.words.index("actor") + 1 :][:1] == ["page_id"]
        frame = "changing(settings, actor, page_id, " if is_about_a_page else "changing_installation(actor"
        if verb.name == "actions/pages/pages.py: remove_page":
            frame = "changing_installation(actor"  # a page ends for the whole installation, whoever has a role on it
        if "transaction()" in verb.calls or not any(call.startswith(frame) for call in verb.calls):
            wrong.append(verb.name)
    assert count > 70
    assert wrong == []
