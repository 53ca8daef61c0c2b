"""All filters on single records, in the order in which they are applied.

| name | on | what it does | reasons |
|---|---|---|---|
| no_input | yes | empties inputs such as `<noinput>`, `N/A`, `None` | changes: no_input |
| empty_output | yes | drops outputs that are empty or say so | empty_output, placeholder_output |
| leftover_markers | yes | takes `Output:`, `###` ... from the ends, drops rows with others inside \
| leftover_marker; changes: marker_removed |
| echo | yes | drops outputs that repeat the question | echoes_instruction, echoes_input |
| refusal | yes | drops "As an AI language model, I cannot" | refusal |
| cut_off | yes | drops outputs that end in the midst of something \
| cut_off_sentence, cut_off_list, cut_off_code |
| repeated_text | yes | drops loops of words or lines | repeated_text |
| invented_links | yes | drops links neither given nor asked for, and `[link]` \
| invented_link, link_stand_in |
| other_language | yes | drops answers in another language than asked in | other_language |
| unseen_input | no | drops tasks about images, files, recordings | unseen_input |
| wrong_arithmetic | yes | evaluates plain arithmetic | wrong_arithmetic |
| invalid_json | yes | parses JSON where it is asked for | invalid_json |
| invalid_python | yes | parses Python where it is asked for, never runs it | invalid_python |
| looping_end | no | drops outputs that end in a loop | looping_end |
| broken_characters | no | drops U+FFFD and mojibake | replacement_character, mojibake |
| control_tokens | no | drops control tokens of chat templates | control_token |

Mending comes first, for the others judge what will be kept; then the cheap ones. What a filter is
not sure of stays: a dropped row is lost, a bad one that stays can still be found by a judge.
"""

from app.curation.filter import Filter
from app.curation.filters.answers import other_language
from app.curation.filters.answers.echo import ECHO
from app.curation.filters.answers.invalid_json import INVALID_JSON
from app.curation.filters.answers.invalid_python import INVALID_PYTHON
from app.curation.filters.answers.invented_links import INVENTED_LINKS
from app.curation.filters.answers.refusal import REFUSAL
from app.curation.filters.answers.unseen_input import UNSEEN_INPUT
from app.curation.filters.answers.wrong_arithmetic import WRONG_ARITHMETIC
from app.curation.filters.damage import repeated_text
from app.curation.filters.damage.broken_characters import BROKEN_CHARACTERS
from app.curation.filters.damage.control_tokens import CONTROL_TOKENS
from app.curation.filters.damage.cut_off import CUT_OFF
from app.curation.filters.damage.empty_output import EMPTY_OUTPUT
from app.curation.filters.damage.leftover_markers import LEFTOVER_MARKERS
from app.curation.filters.damage.looping_end import LOOPING_END
from app.curation.filters.damage.no_input import NO_INPUT
from app.curation.options import FilterOptions


def all_filters(options: FilterOptions) -> tuple[Filter, ...]:
    """Return every filter in order, on or not, with the thresholds of the options."""
    return (
        NO_INPUT,
        EMPTY_OUTPUT,
        LEFTOVER_MARKERS,
        ECHO,
        REFUSAL,
        CUT_OFF,
        repeated_text.make(options),
        INVENTED_LINKS,
        other_language.make(options),
        UNSEEN_INPUT,
        WRONG_ARITHMETIC,
        INVALID_JSON,
        INVALID_PYTHON,
        LOOPING_END,
        BROKEN_CHARACTERS,
        CONTROL_TOKENS,
    )


FILTERS = all_filters(FilterOptions())


def chosen(options: FilterOptions) -> tuple[Filter, ...]:
    """Return the filters that the options switch on, in order."""
    return tuple(each for each in all_filters(options) if getattr(options, each.name))
