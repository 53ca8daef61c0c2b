"""Where a module can be mutated: one token replaced by another."""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

_OPERATORS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.In: ("in", "not in"),
    ast.Is: ("is", "is not"),
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_NO_DATA = {"TypeVar", "cast", "Literal", "_log", "logging"}
"""Their strings name types or loggers, or are logged."""

Change: TypeAlias = tuple[int, int, str, str]
"""Line, column in characters, token before, token after."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One token of one file replaced by another."""

    path: str
    """Relative to the root of the checkout."""
    line: int
    column: int
    """Characters before the token, 0-based."""
    before: str
    after: str
    site: str
    """Names the mutant by what edits elsewhere in the file leave as it is.

    It has the path, the function or class around the token, the text of its line, the change and,
    from the second time that all these are the same, the number of the occurrence.
    """

    def applied(self, source: str) -> str:
        """Return the source with the token replaced."""
        lines = source.splitlines(keepends=True)
        text, ends = lines[self.line - 1], self.column + len(self.before)
        if text[self.column : ends] != self.before:
            raise ValueError(f"not in the source: {self}")
        lines[self.line - 1] = text[: self.column] + self.after + text[ends:]
        return "".join(lines)

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.path}:{self.line}:{self.column} {self.before} -> {self.after}"


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Return every mutation of a module, in the order of the text.

    Left out are texts for people (strings with a blank in them), docstrings, annotations,
    decorators and log calls: no unit test should hold those word by word.
    """
    tree = ast.parse(source)
    lines = source.splitlines()
    skipped = {id(inner) for part in _left_out(tree) for inner in ast.walk(part)}
    found = sorted(
        (*change, scope)
        for scope, node in _scoped(tree, "")
        if id(node) not in skipped and (find := _FINDERS.get(type(node)))
        for change in find(node, lines)
    )
    seen: Counter[str] = Counter()
    mutants = []
    for line, column, before, after, scope in found:
        site = f"{path}: {scope}: {lines[line - 1].strip()}: {before} -> {after}"
        seen[site] += 1
        numbered = site if seen[site] == 1 else f"{site} #{seen[site]}"
        mutants.append(Mutant(path, line, column, before, after, numbered))
    return mutants


def _scoped(node: ast.AST, scope: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield every node with the dotted name of the function or class that it stands in."""
    for child in ast.iter_child_nodes(node):
        yield scope, child
        inner = scope
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{scope}.{child.name}".lstrip(".")
        yield from _scoped(child, inner)


def _left_out(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        match node:
            case (
                ast.Expr(value=ast.Constant())
                | ast.JoinedStr()
                | ast.If(test=ast.Name(id="TYPE_CHECKING"))
                | ast.Assign(targets=[ast.Name(id="__all__")])
            ):
                yield node
            case ast.AnnAssign(annotation=found) | ast.arg(annotation=ast.expr() as found):
                yield found
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield from _left_out_of_definition(node)
            case (
                ast.Call(func=ast.Name(id=name))
                | ast.Subscript(value=ast.Name(id=name))
                | ast.Call(func=ast.Attribute(value=ast.Name(id=name)))
            ):
                if name in _NO_DATA:
                    yield node


def _left_out_of_definition(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
) -> Iterator[ast.AST]:
    yield from node.decorator_list
    if isinstance(node, ast.ClassDef):
        yield from (key for key in node.keywords if key.arg == "total")
    elif node.returns:
        yield node.returns


def _compared(node: ast.Compare, lines: Sequence[str]) -> Iterator[Change]:
    operands = [node.left, *node.comparators]
    for left, operator, right in zip(operands, node.ops, operands[1:], strict=False):
        yield from _between(left, operator, right, lines)


def _joined(node: ast.BoolOp, lines: Sequence[str]) -> Iterator[Change]:
    for left, right in zip(node.values, node.values[1:], strict=False):
        yield from _between(left, node.op, right, lines)


def _computed(node: ast.BinOp, lines: Sequence[str]) -> Iterator[Change]:
    yield from _between(node.left, node.op, node.right, lines)


def _negated(node: ast.UnaryOp, lines: Sequence[str]) -> Iterator[Change]:
    if isinstance(node.op, ast.Not):
        yield node.lineno, _characters(lines, node.lineno, node.col_offset), "not ", ""


def _named(node: ast.Name, lines: Sequence[str]) -> Iterator[Change]:
    if node.id in _NAMES and isinstance(node.ctx, ast.Load):
        column = _characters(lines, node.lineno, node.col_offset)
        yield node.lineno, column, node.id, _NAMES[node.id]


def _constant(node: ast.Constant, lines: Sequence[str]) -> Iterator[Change]:
    if node.end_lineno != node.lineno or node.end_col_offset is None:
        return
    begins = _characters(lines, node.lineno, node.col_offset)
    before = lines[node.lineno - 1][begins : _characters(lines, node.lineno, node.end_col_offset)]
    after = None
    if isinstance(node.value, bool):
        after = str(not node.value)
    elif isinstance(node.value, int | float):
        after = f"({before} + 1)"
    elif (
        isinstance(node.value, str)
        and before == f'"{node.value}"'
        and len(before) > 2
        and not any(map(str.isspace, before))
    ):
        after = f'"{"N" if before[1] == "M" else "M"}{before[2:]}'
    if after is not None:
        yield node.lineno, begins, before, after


_FINDERS: dict[type[ast.AST], Callable[..., Iterator[Change]]] = {
    ast.Compare: _compared,
    ast.BoolOp: _joined,
    ast.BinOp: _computed,
    ast.UnaryOp: _negated,
    ast.Name: _named,
    ast.Constant: _constant,
}


def _between(
    left: ast.expr, operator: ast.AST, right: ast.expr, lines: Sequence[str]
) -> Iterator[Change]:
    """Find an operator between its operands, where nothing but it and blanks are on that line."""
    if type(operator) not in _OPERATORS or left.end_lineno is None or left.end_col_offset is None:
        return
    before, after = _OPERATORS[type(operator)]
    line = right.lineno
    begins = _characters(lines, line, left.end_col_offset) if left.end_lineno == line else 0
    gap = lines[line - 1][begins : _characters(lines, line, right.col_offset)]
    if gap.strip(" ()") == before:
        yield line, begins + gap.index(before), before, after


def _characters(lines: Sequence[str], line: int, offset: int) -> int:
    """Turn an offset in UTF-8 bytes, as `ast` counts, into one in characters."""
    return len(lines[line - 1].encode()[:offset].decode())
