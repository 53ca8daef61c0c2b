"""Normalisation of spellings of "no input" to an empty input.

What says so beyond doubt is emptied always. A bare "None", "NA" or "nothing" may be what the
instruction is about, and stays where the instruction speaks of something given.
"""

import re
from dataclasses import replace

from app.curation.filter import Filter
from app.curation.filters.wording import mentions
from app.dataset_row import Record

_SURE = re.compile(
    r"""[\W_]*(?:
        no[\s_-]*inputs?e?
        (?:[\W_]+(?:is[ ]|was[ ])?
           (?:required|needed|necessary|provided|given|available|specified))?
      | (?:no|without)[ ](?:additional|further|specific|extra|other)[ ]
        (?:input|information|context|data)
        (?:[ ](?:is[ ])?(?:required|needed|necessary|provided|given))?
      | input(?:[ ]is)?[ ]not[ ](?:required|needed|necessary|applicable|provided)
      | (?:this[ ](?:task|instruction)[ ])?does[ ]not[ ](?:require|need)[ ](?:an[ ]|any[ ])?input
      | (?:not[ ]applicable|n[./]a) | not[ ](?:required|needed)
      )[\W_]*""",
    re.IGNORECASE | re.VERBOSE,
)
_BRACKETED = re.compile(
    r"<\s*no\s?input\s*>\s*\d{1,3}|\W*[<\[({]\s*(?:none|null|nil|empty|blank|na)\s*[>\])}]\W*",
    re.IGNORECASE,
)
_BARE = re.compile(r"(?:none|na|null|nil|nothing|empty|-+)\.?", re.IGNORECASE)
_SPEAKS_OF_INPUT = mentions("following given this these below above provided input")
# "Judge the following statement: ..." has what it speaks of in itself.
_HAS_IT_WITHIN = re.compile(r":\s*\S")
_LONGEST = 60


def says_no_input(instruction: str, text: str) -> bool:
    """Return True when an input only says that there is none."""
    text = text.strip()
    if len(text) > _LONGEST:
        return False
    if not text or _SURE.fullmatch(text) or _BRACKETED.fullmatch(text):
        return True
    if not _BARE.fullmatch(text):
        return False
    return not _SPEAKS_OF_INPUT.search(instruction) or bool(_HAS_IT_WITHIN.search(instruction))


def apply(record: Record) -> Record:
    """Replace an input that only says that there is none by an empty one."""
    if record.input and says_no_input(record.instruction, record.input):
        return replace(record, input="")
    return record


NO_INPUT = Filter(
    name="no_input",
    about='The spellings of "no input" are made one: an empty input.',
    reasons=(),
    apply=apply,
    change="no_input",
)
