"""Empty outputs: only white space, or a placeholder for nothing.

"None" and "N/A" stay: they answer many a question.
"""

import re

from app.curation.filter import Dropped, Filter
from app.curation.filters.wording import mentions
from app.dataset_row import Record

_PLACEHOLDER = re.compile(
    r"""[\W_]*(?:no[\s_-]?(?:in|out)puts?|(?:empty|blank)[ ](?:output|response|answer))
        (?:[ ](?:is[ ])?(?:required|needed|necessary|expected|provided|given|available|possible
        |found))?[\W_]*""",
    re.IGNORECASE | re.VERBOSE,
)
# "No output, GPT models cannot draw."; but code may truly print nothing.
_EXPLAINED = re.compile(
    r"""[\W_]*no[\s_-]?output
        (?:\s*[-\u2013,.:;(>]|[ ](?:as|because|since|possible|expected)\b)[^\n]*""",
    re.IGNORECASE | re.VERBOSE,
)
_OF_CODE = mentions(
    "output outputs print* code program* function script compile* query command run runs execut*"
)
_LONGEST_PLACEHOLDER = 60
_LONGEST_EXPLANATION = 200


def apply(record: Record) -> Record | Dropped:
    """Drop a record without an answer."""
    output = record.output
    if len(output) > _LONGEST_EXPLANATION and not output.isspace():
        return record
    if not any(map(str.isprintable, output)) or not output.strip(" \t\r\n\f\v\u00a0\u200b\ufeff"):
        return Dropped("empty_output")
    if _is_placeholder(record, output.strip()):
        return Dropped("placeholder_output", output.strip())
    return record


def _is_placeholder(record: Record, output: str) -> bool:
    if len(output) <= _LONGEST_PLACEHOLDER and _PLACEHOLDER.fullmatch(output):
        return output not in record.request
    return bool(_EXPLAINED.fullmatch(output)) and not _OF_CODE.search(record.request)


EMPTY_OUTPUT = Filter(
    name="empty_output",
    about="The output is empty, or only says that there is none.",
    reasons=("empty_output", "placeholder_output"),
    apply=apply,
)
