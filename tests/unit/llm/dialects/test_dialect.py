"""Dialects: lessons that are joined, applied, and stored."""

from dataclasses import replace

from app.llm.dialects.dialect import (
    NOTHING_LEARNT,
    Dialect,
    Lesson,
    apply,
    cut_at_stop,
    lessons_as_json,
    lessons_from_json,
    old_lessons,
)
from app.llm.dialects.raised_limit import HIGHEST_LIMIT, raised_limit
from app.llm.dialects.shared import DialectMemory, SharedDialect
from app.pipeline.types import Completion

ALL = (
    Lesson("top_p", "dropped", words="no top_p"),
    Lesson("max_tokens", "renamed", "max_completion_tokens"),
    Lesson("max_tokens", "at_most", 100),
    Lesson("max_tokens", "raised", 1024, "classify"),
    Lesson("system", "folded"),
)


def test_lessons_are_stored_and_read_again() -> None:
    assert lessons_from_json(lessons_as_json(ALL)) == ALL
    assert lessons_as_json(ALL)[0] == {
        "parameter": "top_p", "action": "dropped", "value": None, "stage": None,
        "words": "no top_p",
    }  # fmt: skip


def test_of_two_limits_the_stricter_one_stays_and_of_two_rooms_the_larger_one() -> None:
    dialect = Dialect((Lesson("max_tokens", "at_most", 100),))
    assert dialect.with_lessons([Lesson("max_tokens", "at_most", 200)]) is dialect
    lower = dialect.with_lessons([Lesson("max_tokens", "at_most", 50)])
    assert apply({"max_tokens": 80}, lower) == {"max_tokens": 50}
    rooms = [Lesson("max_tokens", "raised", n, "classify") for n in (64, 1024, 256)]
    roomy = NOTHING_LEARNT.with_lessons(rooms)
    assert (roomy.raised_limit_for("classify"), roomy.raised_limit_for("generate")) == (1024, None)


def test_what_is_not_sent_is_not_added() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert apply(body, Dialect(ALL)) == body
    assert apply(body, NOTHING_LEARNT) == body


def test_a_prompt_of_system_messages_only_becomes_one_of_the_user() -> None:
    body = {"messages": [{"role": "system", "content": "Be brief."}]}
    folded = apply(body, Dialect((Lesson("system", "folded"),)))
    assert folded["messages"] == [{"role": "user", "content": "Be brief."}]


def test_a_reply_is_cut_where_the_endpoint_would_have_stopped() -> None:
    whole = Completion("one\n\ntwo 16. three", "length", "m")
    assert cut_at_stop(whole, ("16.", "\n\n")) == Completion("one", "stop", "m")
    assert cut_at_stop(whole, ("17.",)) is whole


def test_a_property_with_the_name_of_a_keyword_stays() -> None:
    schema = {
        "properties": {"maxItems": {"type": "array", "maxItems": 2, "items": {"maxItems": 3}}},
        "maxItems": 4,
    }
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    lesson = Lesson("response_format.maxItems", "dropped")
    sent = apply({"response_format": form}, Dialect((lesson,)))
    assert sent["response_format"]["json_schema"]["schema"] == {
        "properties": {"maxItems": {"type": "array", "items": {}}}
    }
    assert schema["maxItems"] == 4


def test_room_grows_up_to_a_limit() -> None:
    assert raised_limit(4, has_thought=False) == 64
    assert raised_limit(4, has_thought=True) == 1024
    assert raised_limit(1024, has_thought=True) == 4096
    assert raised_limit(HIGHEST_LIMIT, has_thought=True) == HIGHEST_LIMIT
    assert raised_limit(60_000, has_thought=True) == 60_000


def test_what_one_call_learns_all_calls_of_the_model_know() -> None:
    memory = DialectMemory("http://one/v1")
    memory.of("a").add([ALL[0]])
    assert memory.of("a").now.drops("top_p")
    assert not memory.of("b").now.drops("top_p")
    assert memory.address_sha256 != DialectMemory("http://two/v1").address_sha256


def test_lessons_about_what_is_sent_are_old_after_a_time() -> None:
    old, new = (replace(one, learned_at=100.0) for one in ALL[:2])
    young = replace(Lesson("seed", "dropped"), learned_at=300.0)
    dialect = Dialect((old, new, young, *ALL[3:]))
    bodies = [{"top_p": 1, "seed": 1, "max_tokens": 5, "messages": []}]

    assert old_lessons(dialect, bodies, 200.0) == (old, new)
    assert old_lessons(dialect, [{"temperature": 1}], 200.0) == ()
    with_system = [{"messages": [{"role": "system", "content": "a"}]}]
    assert old_lessons(dialect, with_system, 200.0) == (ALL[4],)


def test_what_one_process_forgets_the_others_forget_and_what_each_learns_all_know() -> None:
    dropped, seed, stop = (Lesson(name, "dropped") for name in ("response_format", "seed", "stop"))
    one, other = SharedDialect(), SharedDialect()
    one.add([dropped])
    for each in (one, other):
        each.merge(Dialect((dropped,)))
    one.forget([dropped])
    one.add([seed])
    other.add([stop])
    one.merge(Dialect((dropped,)))
    assert set(one.now.lessons) == {seed}
    other.merge(one.now)
    assert set(other.now.lessons) == {seed, stop}
    one.merge(other.now)
    assert set(one.now.lessons) == {seed, stop}
    assert all(lesson.learned_at > 0 for lesson in one.now.lessons)
