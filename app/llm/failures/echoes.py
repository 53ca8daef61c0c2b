"""Quotations of our own request in a provider's message.

A user's text may contain "billing" or "rate limit". Quoted back, it must not decide what a failure
means.
"""

import re
from functools import lru_cache

_QUOTED = re.compile(r"\"([^\"]{2,})\"|'([^']{2,})'|`([^`]{2,})`|“([^”]{2,})”|「([^」]{2,})」")
_OF_A_TEXT = re.compile(
    r"\b(prompt|text|content|input|message|phrase)s?\b[^\"'`“「{}:]{0,40}$", re.IGNORECASE
)
"""Stands before the quotation of a text, also where the request is not known."""
_WORD = re.compile(r"\w+")
_RUN = 6
"""Words in a row, equal in the message and the request, that make a quotation."""
_NAME = re.compile(r"[A-Za-z_]+[_.][\w.]+|[a-z]+[A-Z]\w*|temperature|stop|seed|logprobs|system")
"""Names of parameters are no quotations, although a prompt may contain the same word."""


@lru_cache(maxsize=64)
def without_echoes(words: str, asked: str) -> str:
    """Return a message without what it quotes of the request.

    Args:
        words: The provider's message.
        asked: All texts of the request.
    """
    lowered = asked.lower()

    def kept(found: re.Match[str]) -> str:
        inner = next(part for part in found.groups() if part is not None).strip()
        is_text = bool(_OF_A_TEXT.search(words[: found.start()]))
        is_ours = is_text or inner.lower() in lowered
        return found[0] if _NAME.fullmatch(inner) or not is_ours else " "

    return _without_runs(_QUOTED.sub(kept, words), lowered)


def _without_runs(words: str, asked: str) -> str:
    """Cut the runs of words that stand in the request exactly so."""
    found = list(_WORD.finditer(words))
    lowered = words.lower()
    cut = bytearray(len(found))
    for n in range(len(found) - _RUN + 1):
        if lowered[found[n].start() : found[n + _RUN - 1].end()] in asked:
            cut[n : n + _RUN] = b"\1" * _RUN
    if not any(cut):
        return words
    left, last = [], 0
    for match, is_cut in zip(found, cut, strict=True):
        if is_cut:
            left.append(words[last : match.start()])
            last = match.end()
    return "".join([*left, words[last:]])
