"""Check of Python where the instruction asks for Python; it is parsed, never executed.

Only the syntax tree is made, so that no constant is folded ("a" * 10**9) and no time is spent.
"""

import ast
import re
import textwrap
import warnings

from app.curation.filter import Dropped, Filter
from app.curation.filters.wording import mentions
from app.dataset_row import Record

_ASKED = re.compile(r"\bpython\b(?!\s*2)", re.IGNORECASE)
_CODE_WANTED = mentions(
    """
    write create generate implement code program script function class define build make develop
    construct design give provide convert rewrite fix complete show produce snippet return
    """
)
_NOT_WHOLE = mentions(
    """
    python_2 python2 pseudo-code pseudocode output_of explain describe what_is what_does
    what_will why jupyter notebook ipython shell interpreter doctest error traceback
    django_template jinja command install pip complete_the fill_in cython sql list_of list_the
    name_*_
    """
)
_FENCED = re.compile(
    r"^[ \t]*```(?:python3?|py)?[ \t]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE | re.IGNORECASE
)
_OTHER_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)
_FIRST_LINE = re.compile(
    r"""(?:def|class|async[ ]def|with)[ ]\w+ | try: | import[ ][\w.]+ | from[ ][\w.]+[ ]import
      | @\w+ | \#
      | \"\"\" | \'\'\' | \w+[ ]=[ ]\S | print\( | for[ ]\w+[ ]in[ ] | while[ ] | if[ ]""",
    re.VERBOSE,
)
_PROMPT = re.compile(r"^[ \t]*(?:>>>|\.\.\.|\$|%|In \[)", re.MULTILINE)
# A line of prose, as stands before or after code that is not fenced.
_PROSE_LINE = re.compile(
    r"""^[ \t]*[A-Z]\w+[ ][a-z]+[ ][a-z]+[ ]\w+.*$
      | ^[ \t]*(?:Output|Result|Example|Explanation|Note|Input|Sample|Usage)\b[^=\n(]*:""",
    re.MULTILINE | re.VERBOSE,
)
_LEFT_OUT = re.compile(r"^\s*\.\.\.|<[a-z_ ]+>|\[(?:your|insert)[^\]]*\]", re.MULTILINE)
_LONGEST = 50_000
_DEEPEST = 60


def apply(record: Record) -> Record | Dropped:
    """Drop a record whose answer should be Python, looks like it, and is invalid."""
    instruction = record.instruction
    if "ython" not in instruction and "YTHON" not in instruction:
        return record
    wanted = _ASKED.search(instruction) and _CODE_WANTED.search(instruction)
    if not wanted or _NOT_WHOLE.search(instruction):
        return record
    for code in _answered(record.output):
        fault = _fault(code)
        if fault:
            return Dropped("invalid_python", fault)
    return record


def _answered(output: str) -> list[str]:
    """Return the part of an answer that is certainly meant as complete Python."""
    if len(output) > _LONGEST:
        return []
    found = [textwrap.dedent(code) for code in _FENCED.findall(output)]
    if not found and not _OTHER_FENCE.search(output):
        text = output.strip("\n").rstrip()
        if _FIRST_LINE.match(text) and not _PROSE_LINE.search(text):
            found = [text]
    return [code for code in found if not _PROMPT.search(code) and not _LEFT_OUT.search(code)]


def _fault(code: str) -> str | None:
    if _depth(code) > _DEEPEST:
        return None
    # Invalid escapes cause only a warning, which is suppressed here.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(code)
        except SyntaxError as error:
            return f"line {error.lineno}: {error.msg}"
        except (ValueError, MemoryError, RecursionError):
            return None
    return None


def _depth(code: str) -> int:
    """Return how deep brackets and unary operators nest at most, strings counted as code."""
    depth = deepest = 0
    for character in code:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return max(deepest, max(map(len, re.findall(r"[-+~]+|(?:not\s+)+", code)), default=0) // 4)


INVALID_PYTHON = Filter(
    name="invalid_python",
    about="Python is asked for, and the code does not parse.",
    reasons=("invalid_python",),
    apply=apply,
)
