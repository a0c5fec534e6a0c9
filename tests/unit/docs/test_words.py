"""One meaning a word: no two types of the package have one name."""

import ast
from collections import defaultdict
from collections.abc import Iterator

from unit.docs.pages import ROOT

PACKAGE = ROOT / "operator" / "rollcall"


def _types(module: ast.Module) -> Iterator[str]:
    """Yield the names of the classes, aliases and NewTypes at the top of a module: words in CamelCase."""
    for node in module.body:
        match node:
            case ast.ClassDef(name=name) if not name.startswith("_"):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                if name[0].isupper() and not name.isupper():
                    yield name


def test_no_two_public_types_have_one_name() -> None:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in _types(ast.parse(path.read_text())):
            found[name].append(str(path.relative_to(PACKAGE)))
    assert len(found) > 300
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}
