"""Check of JSON where the instruction asks for JSON; other answers are ignored."""

import json
import re

from app.curation.filter import Dropped, Filter
from app.dataset_row import Record

_ASKED = re.compile(
    r"""\b(?:as|in|into|to|a|an|valid)[ ](?:(?:a|an|the|valid|proper|well-formed|simple|nested
    |sample|new)[ ]){0,3}json\b
      | \b(?:create|write|generate|output|return|produce|provide|construct|give|make|build
      |design)\b[^.\n]{0,60}\bjson\b""",
    re.IGNORECASE | re.VERBOSE,
)
_OF_OTHER_THINGS = re.compile(
    r"""\b(?:json[ ]?l(?:ines)?|ndjson|json5|jsonc|json[ ]with[ ]comments|javascript|typescript
        |python|java|php|ruby|code|function|script|program|query|curl|snippet|difference|explain
        |what[ ]is|why|compare|parse|describe|list[ ]the|xml|yaml|csv|html|invalid|broken|error
        |debug|template
        |(?:from|given|provided|provided[ ]with|this|following)
         (?:[ ](?:a|an|the|this|given|following|provided|valid|input|sample))*[ ]json)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_FENCED = re.compile(r"```(?:json|JSON)?[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
_LONGEST = 1_000_000
_decoder = json.JSONDecoder(parse_int=str, parse_float=str)


def apply(record: Record) -> Record | Dropped:
    """Drop a record whose answer should be JSON, looks like it, and is invalid."""
    instruction = record.instruction
    if "json" not in instruction.lower() or len(record.output) > _LONGEST:
        return record
    if not _ASKED.search(instruction) or _OF_OTHER_THINGS.search(instruction):
        return record
    text = _answered(record.output)
    fault = None if text is None else _fault(text)
    return record if fault is None else Dropped("invalid_json", fault)


def _answered(output: str) -> str | None:
    """Return the part of an answer that is meant as JSON; None without one."""
    fenced = _FENCED.search(output)
    text = (fenced[1] if fenced else output).strip()
    return text if text[:1] in ("{", "[") and len(text) > 1 else None


def _fault(text: str) -> str | None:
    try:
        _, end = _decoder.raw_decode(text)
    except RecursionError:
        # Nested too deep to tell.
        return None
    except json.JSONDecodeError as error:
        return str(error)
    # An explanation may follow; another bracket or a comma is a piece of what did not parse.
    rest = text[end:].lstrip()
    return f"what follows the value: {rest[:40]}" if rest[:1] in ("}", "]", ",", ":") else None


INVALID_JSON = Filter(
    name="invalid_json",
    about="JSON is asked for, and what is meant as JSON does not parse.",
    reasons=("invalid_json",),
    apply=apply,
)
