"""Preference files: pairs of a better and a worse answer, rankings, and answers judged alone (KTO).

They are recognised by their columns and refused, because a preferred answer is one thing and a
rejected one must never be learnt.
"""

from collections.abc import Mapping, Set

from app.formats.foreign.unsupported import is_false

_PAIRS = (
    ("chosen", "rejected"),
    ("chosen_response", "rejected_response"),
    ("response_chosen", "response_rejected"),
    ("answer_chosen", "answer_rejected"),
    ("preferred", "dispreferred"),
    ("preferred_output", "non_preferred_output"),
    ("better_response", "worse_response"),
    ("response_0", "response_1"),
    ("response_1", "response_2"),
    ("response1", "response2"),
    ("response_a", "response_b"),
    ("response_j", "response_k"),
    ("output_1", "output_2"),
    ("answer_0", "answer_1"),
    ("answer_a", "answer_b"),
    ("completion_a", "completion_b"),
    ("conversation_a", "conversation_b"),
    ("human_ref_a", "human_ref_b"),
    ("win", "lose"),
    ("accepted", "rejected"),
    ("good_answer", "bad_answer"),
    ("good_response", "bad_response"),
    ("y_w", "y_l"),
)
_RANKED = ("answers", "responses", "completions", "output", "outputs")
_RANKS = frozenset(
    {"rank", "ranks", "ranking", "score", "scores", "rating", "overall_score", "labels"}
)
_ANSWERS = {"completion", "output", "response", "messages", "conversations"}
_ADVICE = "preferences can't be imported yet; export one answer a row, such as the better one"


def pair_of_answers(columns: Set[str]) -> str | None:
    """Return the words for a file of preferences, known by its columns; None: it is none."""
    plain = {column.lower() for column in columns}
    for better, worse in _PAIRS:
        if better in plain and worse in plain:
            return f"rows have {better} and {worse}: pairs of answers; {_ADVICE}"
    return None


def ranked_answers(row: Mapping[str, object]) -> str | None:
    """Return the words for a row with several answers of different worth; None: it has none."""
    for name in _RANKED:
        answers = row.get(name)
        if not isinstance(answers, list) or len(answers) < 2:
            continue
        scored = all(isinstance(one, dict) and one.keys() & _RANKS for one in answers)
        if scored or row.keys() & _RANKS or (name == "output" and _texts(answers)):
            return f"rows have several ranked answers in {name}; {_ADVICE}"
    return None


def judged_alone(row: Mapping[str, object], columns: Set[str]) -> str | None:
    """Return the words for a row of a KTO file; None: it is none.

    Args:
        row: its cells, or those that are looked at.
        columns: the names of all its columns.
    """
    for name in ("kto_tag", "desirable", "label"):
        value = row.get(name)
        is_mark = isinstance(value, bool) or (isinstance(value, str) and _is_word(value))
        if is_mark and (name != "label" or columns & _ANSWERS):
            return (
                f"rows have {name}, true or false, as KTO files do; preferences can't be imported"
                " yet. With --format and --skip-unreadable the rows marked true are imported"
            )
    return None


def _is_word(value: str) -> bool:
    return is_false(value) or value.strip().lower() == "true"


def _texts(answers: list[object]) -> bool:
    return all(isinstance(one, str) for one in answers)
