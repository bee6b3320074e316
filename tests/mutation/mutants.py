"""Makes mutants of a module: one small wrong change inside one function each."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType

_COMPARES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Break: ast.Continue,
    ast.Continue: ast.Break,
}
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """A changed module: where, what was and what is now, its code, and which it is of several alike in one function."""

    module: str
    function: str
    line: int
    was: str
    now: str
    code: CodeType
    nth: int = 0

    @property
    def key(self) -> str:
        """A name that stays while the line does."""
        return f"{self.module}:{self.function}: `{self.was}` → `{self.now}`"


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a file, in the order of its lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alike: Counter[str] = Counter()
    for function in _functions(tree):
        for node in _inside(function):
            for mutant in _of_node(path.stem, function.name, node, tree):
                yield replace(mutant, nth=alike[mutant.key])
                alike[mutant.key] += 1


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from (inner for inner in node.body if isinstance(inner, ast.FunctionDef))


def _inside(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield what a function does: neither its annotations, nor texts that people read."""
    for statement in function.body:
        for node in ast.walk(statement):
            if not isinstance(node, ast.JoinedStr | ast.FormattedValue):
                yield node


def _of_node(module: str, function: str, node: ast.AST, tree: ast.Module) -> Iterator[Mutant]:
    def made(change: ast.AST, **fields: object) -> Mutant:
        saved = {name: getattr(node, name) for name in fields}
        was = ast.unparse(change)
        for name, value in fields.items():
            setattr(node, name, value)
        mutant = Mutant(module, function, getattr(node, "lineno", 0), was, ast.unparse(change), _compiled(tree))
        for name, value in saved.items():
            setattr(node, name, value)
        return mutant

    match node:
        case ast.Compare(ops=ops):
            for n, op in enumerate(ops):
                yield made(node, ops=[*ops[:n], _COMPARES[type(op)](), *ops[n + 1 :]])
        case ast.BoolOp(op=op) | ast.BinOp(op=op) if type(op) in _SWAPS:
            yield made(node, op=_SWAPS[type(op)]())
        case ast.UnaryOp(op=ast.Not()):
            yield made(node, op=ast.UAdd(), operand=ast.Call(ast.Name("bool", ast.Load()), [node.operand], []))
        case ast.Constant(value=bool() as value):
            yield made(node, value=not value)
        case ast.Constant(value=int() as value):
            yield made(node, value=value + 1)
        case ast.Call(func=ast.Name(id=name)) if name in _CALLS:
            yield made(node, func=ast.Name(_CALLS[name], ast.Load()))
        case ast.IfExp(body=body, orelse=orelse):
            yield made(node, body=orelse, orelse=body)
        case ast.If(test=test):
            yield _never(module, function, node, test, tree)


def _never(module: str, function: str, node: ast.If, test: ast.expr, tree: ast.Module) -> Mutant:
    """Return the mutant whose branch is never taken."""
    node.test = ast.Constant(False)
    code = _compiled(tree)
    node.test = test
    return Mutant(module, function, node.lineno, f"if {ast.unparse(test)}", "if False", code)


def _compiled(tree: ast.Module) -> CodeType:
    return compile(ast.fix_missing_locations(tree), "<mutant>", "exec")
