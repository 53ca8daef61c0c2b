"""Tasks about input that a text model can't see: an attached image, a file, a recording."""

import re

from app.curation.filter import Dropped, Filter
from app.curation.filters.wording import mentions
from app.dataset_row import Record

_THING = (
    r"(?:images?|pictures?|photo(?:graph)?s?|screenshots?|videos?|clips?|audio|recordings?|figures?|drawings?|paintings?|diagrams?"
    r"|graphs?|charts?|maps?|attachments?|files?|documents?|pdf|spreadsheets?)"
)
_SPOKEN_OF = re.compile(
    rf"""(?<![\w-])(?:attached|enclosed|uploaded)[ ]{_THING}\b
      | \b{_THING}[ ](?:(?:is|are|that[ ]is|I(?:'ve|[ ]have)?)[ ])?(?:attached|enclosed|uploaded
      |shown[ ](?:below|above|here))\b
      | \b(?:this|these|the[ ](?:following|given|provided|above)|following|given|provided)[ ]
        (?:images?|pictures?|photo(?:graph)?s?|screenshots?|videos?|audio(?:[ ]clip
        |[ ]recording)?|recordings?)\b
      | \b(?:in|from|of|at|under)[ ]the[ ](?:image|picture|photo(?:graph)?|screenshot|video
      |figure)(?:[ ](?:below|above))?\s*[.?!]?$
      | \b(?:image|picture|photo(?:graph)?|figure|chart|diagram|map)[ ](?:below|above)\b""",
    re.IGNORECASE | re.VERBOSE,
)  # fmt: skip
_STAND_IN = re.compile(
    r"""\s*[<\[(]\s*(?:an?[ ]|the[ ]|insert[ ])?
        (?:image|picture|photo|video|audio|file|attachment|screenshot)\b[^\n>\])]{0,80}[>\])]\s*
      | \s*!\[[^\]\n]{0,200}\]\([^)\n]{0,500}\)\s*
      | \s*\S{1,300}\.
        (?:jpe?g|png|gif|bmp|webp|svg|mp3|mp4|wav|avi|mov|pdf|docx?|xlsx?)\s*""",
    re.IGNORECASE | re.VERBOSE,
)
# The words for it may stand where it would: a description, data, a caption.
_DESCRIBED = re.compile(r"[^\W\d_]{2,}(?:\W+\w+){3}")
_MAKES_ONE = mentions(
    """
    create generate draw design make write_code write_a_program write_a_script write_a_function
    html code how_do how_can how_to explain_how convert resize compress caption_for_an
    caption_for_a
    """
)

_ABOUT_NAMES = mentions(
    "file_name filename name_of_the_file extension extensions url urls link links path paths rename"
)


def apply(record: Record) -> Record | Dropped:
    """Drop a record about something that cannot be seen."""
    if record.input and _STAND_IN.fullmatch(record.input):
        named = _ABOUT_NAMES.search(record.instruction)
        return record if named else Dropped("unseen_input", record.input.strip())
    found = _SPOKEN_OF.search(record.instruction)
    if found and not _DESCRIBED.search(record.input) and not _MAKES_ONE.search(record.instruction):
        return Dropped("unseen_input", found.group())
    return record


UNSEEN_INPUT = Filter(
    name="unseen_input",
    about="The task is about an image, a file or a recording that a text model cannot see.",
    reasons=("unseen_input",),
    apply=apply,
    on=False,
)
