"""One meaning for each type name in the whole house: whoever greps for a class finds one."""

import ast
from collections import defaultdict
from pathlib import Path

APP = Path(__file__).parent.parent.parent / "app"


def _type_names(module: ast.Module) -> list[str]:
    """The public classes and type aliases that a module defines.  What it imports is another's."""
    names = [node.name for node in module.body if isinstance(node, ast.ClassDef)]
    for node in module.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and target.id[0].isupper() and not target.id.isupper():
                names.append(target.id)
    return [name for name in names if not name.startswith("_")]


def test_a_type_name_is_defined_in_one_module_only() -> None:
    found = defaultdict(list)
    for path in sorted(APP.rglob("*.py")):
        for name in _type_names(ast.parse(path.read_text())):
            found[name].append(str(path.relative_to(APP.parent)))
    assert len(found) > 300, "the walk finds the types"
    assert {name: paths for name, paths in found.items() if len(set(paths)) > 1} == {}
