"""No reply, however strange, ends as anything but an answer or a trouble of the item."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import ItemError, Outage
from app.llm.replies import json_object, read_completion
from app.pipeline.types import Completion

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
TOPS = st.fixed_dictionaries({}, optional={"token": ANYTHING, "logprob": ANYTHING})
LOGPROBS = st.fixed_dictionaries(
    {},
    optional={
        "content": st.lists(st.fixed_dictionaries({"top_logprobs": st.lists(TOPS)}) | ANYTHING),
        "top_logprobs": st.lists(st.dictionaries(st.text(max_size=3), ANYTHING) | ANYTHING),
    },
)
PART = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "thinking", "image"]) | ANYTHING},
    optional={"text": ANYTHING, "thinking": ANYTHING, "thought": st.booleans()},
)
PARTS = st.lists(PART | ANYTHING, max_size=3)
CHOICE = st.fixed_dictionaries(
    {"finish_reason": st.sampled_from(["stop", "length", "content_filter", "error"]) | ANYTHING},
    optional={
        "text": st.text(st.characters(exclude_categories=())) | ANYTHING,
        "message": st.fixed_dictionaries(
            {"content": PARTS | ANYTHING, "refusal": ANYTHING}, optional={"reasoning": PARTS}
        )
        | ANYTHING,
        "logprobs": LOGPROBS | ANYTHING,
    },
)
USAGE = st.fixed_dictionaries({"prompt_tokens": ANYTHING, "completion_tokens": ANYTHING})
REPLY = st.fixed_dictionaries(
    {"choices": st.lists(CHOICE | ANYTHING, max_size=2) | ANYTHING},
    optional={"usage": USAGE | ANYTHING, "model": ANYTHING},
)
# Hypothesis reads the Unicode tables for its first text: on a busy machine that takes seconds.
unhurried = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


@unhurried
@given(REPLY)
def test_no_reply_raises_anything_else(reply: dict[str, object]) -> None:
    try:
        answer = read_completion(json_object(json.dumps(reply).encode()), "m")
    except (ItemError, Outage) as trouble:
        str(trouble).encode()
        return
    answer.text.encode()
    assert "\0" not in answer.text + (answer.reasoning or "")
    assert answer.prompt_tokens >= 0
    json.dumps(dict(answer.top_logprobs or {}), allow_nan=False)


@unhurried
@given(st.binary(max_size=200))
def test_no_body_raises_anything_else(body: bytes) -> None:
    try:
        assert isinstance(read_completion(json_object(body), "m"), Completion)
    except ItemError as trouble:
        str(trouble).encode()


def test_of_two_tokens_with_the_same_text_the_likelier_counts() -> None:
    rows = [{"token": "Yes", "logprob": -3}, {"token": "Yes", "logprob": -1.5}]
    logprobs = {"content": [{"token": "Yes", "top_logprobs": rows}]}
    reply = {"choices": [{"text": "Yes", "logprobs": logprobs}]}
    assert read_completion(reply, "m").top_logprobs == {"Yes": -1.5}
