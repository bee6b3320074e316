"""`python -m tests.traceability`: writes docs/traceability.md, requirement → tests, from the marks that the tests carry.

`--check` only compares: status 1 if the file is not what the tests say. Read off the source, so nothing has to run.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "traceability.md"
_HEAD = """# Traceability: requirement → tests

Made by `python -m tests.traceability` from the mark `requirement(id)` of each test; do not edit.
"""


def requirements() -> dict[str, list[str]]:
    """Return the tests by requirement, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for requirement, test in _marked(ast.parse(file.read_text("utf-8"))):
            found[requirement].append(f"{file.relative_to(ROOT)}::{test}")
    return {requirement: sorted(found[requirement]) for requirement in sorted(found, key=_order)}


def _order(requirement: str) -> tuple[str, int, str]:
    source, _, number = requirement.rpartition("-")
    return (source, int(number), "") if number.isdigit() else (requirement, 0, requirement)


def _marked(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield (requirement, test) of a module: its own marks hold for each of its tests."""
    common = [ident for node in module.body if _is_pytestmark(node) for ident in _idents(node)]
    for node in module.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        for test in inner:
            if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef) and test.name.startswith("test_"):
                own = [ident for decorator in test.decorator_list for ident in _idents(decorator)]
                for requirement in dict.fromkeys([*common, *own]):
                    yield requirement, test.name


def _is_pytestmark(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets)


def _idents(node: ast.AST) -> Iterator[str]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "requirement":
            yield from (str(arg.value) for arg in call.args if isinstance(arg, ast.Constant))


def document() -> str:
    """Return the document's text."""
    parts = [_HEAD]
    for requirement, tests in requirements().items():
        parts.append(f"\n## {requirement}\n\n" + "\n".join(f"- `{test}`" for test in tests) + "\n")
    return "".join(parts)


def main() -> int:
    """Write the document, or with `--check` compare it."""
    text = document()
    if "--check" not in sys.argv[1:]:
        DOCUMENT.write_text(text, "utf-8")
        return 0
    if DOCUMENT.exists() and DOCUMENT.read_text("utf-8") == text:
        return 0
    print("docs/traceability.md is not what the tests say: run python -m tests.traceability", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
