"""Models that think aloud, and endpoints that leave the thoughts in the reply."""

_OPENING, _CLOSING = "<think>", "</think>"


def without_thoughts(text: str) -> str:
    """What was said after the thoughts; nothing, where they never end.

    Some chat templates write the opening tag into the prompt: then the reply only has the closing
    one.
    """
    thoughts, closed, answer = text.partition(_CLOSING)
    begins = thoughts.lstrip().startswith(_OPENING)
    if not closed:
        return "" if begins else text
    return answer if begins or _OPENING not in thoughts else text
