"""The answer in a reply: its text without thoughts and without what a chat template adds.

Every reader of a chat reply calls it: the stages of profile `default`, the reviews and all judges.
The stored reply stays as it came.
"""

import re

from app.pipeline.replies.clean_text import cleaned
from app.pipeline.replies.control_tokens import without_control_tokens
from app.pipeline.replies.thoughts import without_thoughts

# Hunyuan, ERNIE, OpenThinker and Command A wrap what follows their thoughts.
_WRAPPED = re.compile(
    r"\s*<(?P<name>answer|response|final_answer|final)>(?P<answer>.*)</(?P=name)>\s*", re.S | re.I
)
_SOLUTION = re.compile(
    r"<\|(?:begin_of_solution|START_RESPONSE|answer_prefix)\|>(?P<answer>.*?)"
    r"(?:<\|(?:end_of_solution|END_RESPONSE|answer_suffix)\|>|\Z)",
    re.S,
)


def final_answer(text: str, *, about: str = "") -> str:
    """Return the answer of a reply as clean text.

    Args:
        text: The reply, as it is stored.
        about: The request. Tags that it speaks of are part of the answer, except at the beginning.

    Returns:
        The answer; empty when the reply has only thoughts.
    """
    answer = without_control_tokens(without_thoughts(cleaned(text), about=about))
    solution = _SOLUTION.search(answer) if "<|" in answer else None
    if solution and not answer[: solution.start()].strip():
        answer = solution.group("answer")
    wrapped = _WRAPPED.fullmatch(answer) if answer.rstrip().endswith(">") else None
    if wrapped is None or f"<{wrapped.group('name')}" in about:
        return answer
    closing = f"</{wrapped.group('name')}>".lower()
    return answer if closing in wrapped.group("answer").lower() else wrapped.group("answer")
