"""Where a module can be mutated: one token replaced by another."""

import ast
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
_NO_DATA = {"TypeVar", "cast", "Literal"}
"""Their strings name types."""

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

    def applied(self, source: str) -> str:
        """Return the source with the token replaced."""
        lines = source.splitlines(keepends=True)
        text, ends = lines[self.line - 1], self.column + len(self.before)
        if text[self.column : ends] != self.before:
            raise ValueError(f"not in the source: {self}")
        lines[self.line - 1] = text[: self.column] + self.after + text[ends:]
        return "".join(lines)

    def site(self, source: str) -> str:
        """Name the mutant by its line's text, which outlives edits elsewhere in the file."""
        text = source.splitlines()[self.line - 1].strip()
        return f"{self.path}: {text}: {self.before} -> {self.after}"

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.path}:{self.line}:{self.column} {self.before} -> {self.after}"


def mutants_of(path: str, source: str) -> Iterator[Mutant]:
    """Yield every mutation of a module.

    Left out are texts for people (strings with a blank in them), docstrings, annotations and
    decorators: no unit test should hold those word by word.
    """
    tree = ast.parse(source)
    lines = source.splitlines()
    skipped = {id(inner) for part in _left_out(tree) for inner in ast.walk(part)}
    for node in ast.walk(tree):
        if id(node) not in skipped and (find := _FINDERS.get(type(node))):
            for line, column, before, after in find(node, lines):
                yield Mutant(path, line, column, before, after)


def _left_out(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        match node:
            case (
                ast.Expr(value=ast.Constant())
                | ast.JoinedStr()
                | ast.If(test=ast.Name(id="TYPE_CHECKING"))
            ):
                yield node
            case ast.AnnAssign(annotation=found) | ast.arg(annotation=ast.expr() as found):
                yield found
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield from node.decorator_list
                if returned := getattr(node, "returns", None):
                    yield returned
            case ast.Call(func=ast.Name(id=name)) | ast.Subscript(value=ast.Name(id=name)):
                if name in _NO_DATA:
                    yield node


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
