"""Reasoning in replies: removal of ``<think>`` blocks that an endpoint leaves in the text."""

_OPENING, _CLOSING = "<think>", "</think>"


def without_thoughts(text: str) -> str:
    """Return the text after the reasoning; an empty text when the reasoning never ends.

    Some chat templates put the opening tag into the prompt. Then the reply has only the closing
    one.
    """
    reasoning, closed, answer = text.partition(_CLOSING)
    begins = reasoning.lstrip().startswith(_OPENING)
    if not closed:
        return "" if begins else text
    return answer if begins or _OPENING not in reasoning else text
