"""Outputs that are none: nothing but white space, or a word for nothing.

"None" and "N/A" stay: they answer many a question.
"""

import re

from app.curation.filter import Dropped, Filter
from app.record import Record

_PLACEHOLDER = re.compile(
    r"""[\W_]*(?:no[\s_-]?(?:in|out)puts?|(?:empty|blank)[ ](?:output|response|answer))
        (?:[ ](?:is[ ])?(?:required|needed|necessary|expected|provided|given|available|possible
        |found))?[\W_]*""",
    re.IGNORECASE | re.VERBOSE,
)
_LONGEST_PLACEHOLDER = 60


def apply(record: Record) -> Record | Dropped:
    """Drop a record that answers nothing."""
    output = record.output
    if len(output) > _LONGEST_PLACEHOLDER and not output.isspace():
        return record
    if not any(map(str.isprintable, output)) or not output.strip(" \t\r\n\f\v\u00a0\u200b\ufeff"):
        return Dropped("empty_output")
    if _PLACEHOLDER.fullmatch(output) and output.strip() not in record.request:
        return Dropped("placeholder_output", output.strip())
    return record


EMPTY_OUTPUT = Filter(
    name="empty_output",
    about="The output is empty, or only says that there is none.",
    reasons=("empty_output", "placeholder_output"),
    apply=apply,
)
