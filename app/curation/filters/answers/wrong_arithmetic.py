"""Check of arithmetic where instruction and input are only an expression.

Lenient wherever the question or the answer can be read in two ways: percentages, juxtaposition
("2(3)"), remainders and words for numbers are not judged, an answer counts as right if it rounds
the value as far as it shows digits, and if the value is anywhere in it after the last "=".
"""

import ast
import re
from fractions import Fraction

from app.curation.filter import Dropped, Filter
from app.dataset_row import Record

_EXPRESSION = r"[\d(.\-\u2212\u2013+√][\d\s().,+\-\u2212\u2013*/\u00d7÷·^xX]*[\d)]"
_ASKS = re.compile(
    rf"""(?:please[ ])?(?:can[ ]you[ ])?
        (?:calculate|compute|evaluate|solve|simplify|work[ ]out|find|determine|figure[ ]out
        |multiply|divide|add|subtract
          |what(?:[ ]is|'s|[ ]does|[ ]do[ ]you[ ]get[ ]for)|how[ ]much[ ]is|give|tell[ ]me
          |answer|perform)?:?\s*
        (?:(?:the|this|following|given|simple|basic|arithmetic(?:al)?|math(?:ematic(?:s|al))?
        |numerical|expression|equation|problem
          |operation|calculation|sum|product|difference|quotient|result|value|answer|solution
          |question|and|of|to|for|below|by|in)\b[ ]?)*
        :?\s*(?P<expression>{_EXPRESSION})?\s*(?:equals?|make|=\s*\??|=\s*_+)?\s*[?.!:]*""",
    re.IGNORECASE | re.VERBOSE,
)
_ONLY_EXPRESSION = re.compile(
    rf"(?:what is\s+)?({_EXPRESSION})\s*(?:=\s*[?_]*)?\s*[?.]?", re.IGNORECASE
)
_OPERATOR = re.compile(r"[\d)]\s*(?:\*\*|[+*/\u00d7÷·^]|[-\u2212\u2013xX])\s*[\d(.\-\u2212]")
# Between spaces it multiplies, and so it does in "25x8"; everywhere else it may be an unknown.
_TIMES = re.compile(r"(?<=[\d)])\s+[xX]\s+(?=[\d(])")
_PLAIN_PRODUCT = re.compile(r"(\d+)[xX](\d+)")
_DIGIT = re.compile(r"\d")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SPELLINGS = str.maketrans("\u00d7\u00b7\u00f7\u2212\u2013", "**/--")
_NUMBER = re.compile(
    r"""[-\u2212]?(?<![\w.])(?:(?:\d+[ ])?\d+/\d+|\d+(?:\.\d+)?|\.\d+)(?!\w)
      | [-\u2212]?\d+(?:\.\d+)?(?=[^\W\d_]|\b)""",
    re.VERBOSE,
)
_NOT_JUDGED = re.compile(
    r"""remainder | \br\s?\d | undefined | infinit | approx | % | \be[+-]?\d | \bmod\b | \^
      | \u221a | \\frac | \*\s?10""",
    re.IGNORECASE | re.VERBOSE,
)
_LONGEST_EXPRESSION = 200
_LONGEST_ANSWER = 2_000
_MOST_NODES = 100
_MOST_BITS = 2_048
_LARGEST_POWER = 64


def evaluate(expression: str) -> Fraction | None:
    """Return the exact value of an arithmetic expression; None without one, or if too large.

    Numbers, + - * / ** and parentheses, nothing else; nothing is executed.
    """
    text = _TIMES.sub("*", _THOUSANDS.sub("", expression.strip()))
    if plain := _PLAIN_PRODUCT.fullmatch(text):
        text = f"{plain[1]}*{plain[2]}"
    text = text.translate(_SPELLINGS).replace("^", "**")
    if len(text) > _LONGEST_EXPRESSION or "," in text:
        return None
    try:
        tree = ast.parse(" ".join(text.split()), mode="eval")
        if sum(1 for _ in ast.walk(tree)) > _MOST_NODES * 2:
            return None
        return _value(tree.body)
    except (SyntaxError, ValueError, ArithmeticError, MemoryError, RecursionError):
        return None


def _value(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant) and type(node.value) in {int, float}:
        return Fraction(str(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _value(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        return _small(_operate(node.op, _value(node.left), _value(node.right)))
    raise ValueError("not arithmetic")


def _operate(operator: ast.operator, left: Fraction, right: Fraction) -> Fraction:
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.Pow() if right.denominator == 1 and abs(right) <= _LARGEST_POWER:
            return Fraction(left ** int(right))
    raise ValueError("not arithmetic")


def _small(value: Fraction) -> Fraction:
    if value.numerator.bit_length() + value.denominator.bit_length() > _MOST_BITS:
        raise ValueError("too large")
    return value


def asked_expression(record: Record) -> str | None:
    """Return the expression whose value is asked for; None for any other task."""
    if len(record.instruction) > _LONGEST_EXPRESSION or len(record.input) > _LONGEST_EXPRESSION:
        return None
    asks = _ASKS.fullmatch(record.instruction.strip())
    if asks is None:
        return None
    found = asks["expression"]
    if record.input.strip():
        alone = _ONLY_EXPRESSION.fullmatch(record.input.strip())
        # Two expressions, or an input that is none: who knows what is meant.
        found = alone[1] if alone and not found else None
    return found if found and _OPERATOR.search(found) else None


def apply(record: Record) -> Record | Dropped:
    """Drop a record whose answer is not the value of the expression it asks for."""
    instruction = record.instruction
    if not _DIGIT.search(instruction) and not _DIGIT.search(record.input):
        return record
    expression = asked_expression(record)
    if expression is None or _NOT_JUDGED.search(record.output):
        return record
    value = evaluate(expression)
    answers = _numbers(record.output)
    if value is None or not answers or any(_is_rounded(value, answer) for answer in answers):
        return record
    shown = str(value) if value.denominator == 1 else f"{float(value):.6g}"
    return Dropped("wrong_arithmetic", f"{expression.strip()} is {shown}, not {answers[-1]}")


def _numbers(output: str) -> list[str]:
    """Return the numbers in an answer, or those after its last "="."""
    text = _THOUSANDS.sub("", output[:_LONGEST_ANSWER])
    after = text[text.rfind("=") + 1 :]
    found = _NUMBER.findall(after if any(map(str.isdigit, after)) else text)
    return [number.replace("\u2212", "-") for number in found]


def _is_rounded(value: Fraction, answer: str) -> bool:
    whole, _, part = answer.rpartition(" ")
    try:
        # "3 1/8" is a sum.
        number = Fraction(part) + Fraction(whole or 0)
    except (ValueError, ZeroDivisionError):
        return False
    if "/" in answer:
        return number == value
    decimals = len(answer.partition(".")[2])
    # Rounded or cut off, at the digits it shows; whole numbers must be exact, or the nearest.
    within = Fraction(1, 10**decimals) if decimals else Fraction(1, 2)
    return abs(number - value) < within or abs(number - value) == within / 2


WRONG_ARITHMETIC = Filter(
    name="wrong_arithmetic",
    about="An arithmetic expression is to be evaluated, and the answer is another value.",
    reasons=("wrong_arithmetic",),
    apply=apply,
)
