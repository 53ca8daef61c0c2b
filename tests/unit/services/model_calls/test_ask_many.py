"""Many questions to one model: each gets its one answer, within the cap, whatever fails."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from app.errors import ItemError, Outage, ProviderError, RunError, Throttled
from app.pipeline.budget import NO_CAPS, Amount, Caps
from app.pipeline.types import Completion, Request, TextPrompt
from app.services.context import ServiceContext
from app.services.model_calls.ask_many import Answer, Asker
from app.services.model_calls.spending import Spending
from app.store.database import Database
from tests.unit.services.model_calls.asking import MODEL, context_of, echo, request

ONE_CALL_USD = Decimal("0.00007")
"""Three tokens read at 10 US dollars a million, two written at 20."""


@pytest.fixture
def books(tmp_path: Path) -> Path:
    return tmp_path / "spending.jsonl"


def ask(asker: Asker, count: int) -> dict[int, Answer]:
    answers = asker.answers({n: request(f"question {n}") for n in range(count)})
    return {one.key: one for some in answers for one in some}


def number_of(asked: Request) -> int:
    assert isinstance(asked.prompt, TextPrompt)
    return int(asked.prompt.text.split()[1])


def an_asker(
    context: ServiceContext, spending: Spending, stops: Iterator[bool] | None = None
) -> Asker:
    def stop() -> bool:
        return next(stops, True) if stops is not None else False

    return Asker(context, MODEL, spending, stop)


def test_every_question_is_answered_once_and_paid_for(database: Database, books: Path) -> None:
    spending = Spending(books, NO_CAPS)
    asker = an_asker(context_of(database, echo), spending)
    found = ask(asker, 20)
    assert sorted(found) == list(range(20))
    for key, one in found.items():
        assert isinstance(one.answer, Completion)
        assert one.answer.text == f"question {key}"
    assert asker.trouble is None
    assert spending.settled.calls == 20
    assert spending.settled.usd == 20 * ONE_CALL_USD
    assert spending.open.calls == 0


def test_a_question_that_cannot_be_answered_is_no_hindrance(
    database: Database, books: Path
) -> None:
    def answer(asked: Request) -> Completion:
        if number_of(asked) == 3:
            raise ItemError("filtered")
        return echo(asked)

    spending = Spending(books, NO_CAPS)
    found = ask(an_asker(context_of(database, answer), spending), 6)
    assert len(found) == 6
    assert str(found[3].answer) == "filtered"
    # A refused call costs nothing.
    assert spending.settled.usd == 5 * ONE_CALL_USD


def test_a_call_that_may_be_paid_stays_reserved(database: Database, books: Path) -> None:
    class CutOff(ItemError):
        may_be_paid = True

    def answer(_: Request) -> Completion:
        raise CutOff("cut off")

    spending = Spending(books, NO_CAPS)
    ask(an_asker(context_of(database, answer), spending), 1)
    assert (spending.settled.calls, spending.open.calls) == (0, 1)
    assert spending.open.usd > ONE_CALL_USD


def test_a_failed_call_that_reports_its_usage_costs_that(database: Database, books: Path) -> None:
    class Filtered(ItemError):
        may_be_paid = True
        usage = (3, 2)

    def answer(_: Request) -> Completion:
        raise Filtered("withheld")

    spending = Spending(books, NO_CAPS)
    ask(an_asker(context_of(database, answer), spending), 1)
    assert (spending.settled, spending.open.calls) == (Amount(1, 0, ONE_CALL_USD), 0)


def test_a_refusal_ends_it_with_the_providers_words(database: Database, books: Path) -> None:
    def answer(_: Request) -> Completion:
        raise RunError("wrong key")

    asker = an_asker(context_of(database, answer), Spending(books, NO_CAPS))
    assert ask(asker, 30) == {}
    assert str(asker.trouble) == "wrong key"


def test_one_of_two_endpoints_that_refuses_every_call_costs_no_answer(
    database: Database, books: Path
) -> None:
    for trouble in (RunError("no credit"), ItemError("crashed")):

        def refuse(_: Request, trouble: ProviderError = trouble) -> Completion:
            raise trouble

        asker = an_asker(context_of(database, refuse, echo), Spending(books, NO_CAPS))
        answers = ask(asker, 60)
        refused = [one for one in answers.values() if isinstance(one.answer, ItemError)]
        # The first few may be about their own texts.
        assert (len(answers), asker.trouble) == (60, None)
        assert len(refused) < 10


def test_an_outage_that_lasts_ends_it(database: Database, books: Path) -> None:
    def answer(_: Request) -> Completion:
        raise Outage("gone")

    asker = an_asker(context_of(database, answer, outage_patience_s=0.2), Spending(books, NO_CAPS))
    assert ask(asker, 2) == {}
    assert "has been away for" in str(asker.trouble)
    assert "gone" in str(asker.trouble)


def test_an_outage_that_passes_costs_nobody_an_answer(database: Database, books: Path) -> None:
    calls: list[int] = []

    def answer(asked: Request) -> Completion:
        calls.append(number_of(asked))
        if len(calls) <= 2:
            raise Outage("gone")
        return echo(asked)

    asker = an_asker(context_of(database, answer, outage_patience_s=60.0), Spending(books, NO_CAPS))
    found = ask(asker, 5)
    assert all(isinstance(one.answer, Completion) for one in found.values())
    assert len(found) == 5


def test_no_call_is_sent_that_could_exceed_the_cap(database: Database, books: Path) -> None:
    calls: list[int] = []

    def answer(asked: Request) -> Completion:
        calls.append(number_of(asked))
        return echo(asked)

    asker = an_asker(context_of(database, answer), Spending(books, Caps(calls=3)))
    found = ask(asker, 8)
    assert sorted(found) == calls == [0, 1, 2]
    assert "over the cap of 3 calls" in str(asker.trouble)


def test_a_job_that_stops_asks_nothing_more_and_keeps_what_it_got(
    database: Database, books: Path
) -> None:
    spending = Spending(books, NO_CAPS)
    asker = an_asker(context_of(database, echo), spending, iter([False, False]))
    found = ask(asker, 100)
    assert 0 < len(found) < 100
    assert asker.trouble is None
    assert spending.open.calls == 0
    assert spending.settled.calls == len(found)


def test_questions_go_to_every_endpoint(database: Database, books: Path) -> None:
    asked_at: list[str] = []

    def first(asked: Request) -> Completion:
        asked_at.append("first")
        return echo(asked)

    def second(asked: Request) -> Completion:
        asked_at.append("second")
        return echo(asked)

    found = ask(an_asker(context_of(database, first, second), Spending(books, NO_CAPS)), 40)
    assert len(found) == 40
    assert set(asked_at) == {"first", "second"}


def test_no_question_waits_for_an_endpoint_that_refuses_calls_for_a_day(
    database: Database, books: Path
) -> None:
    def refuse(_: Request) -> Completion:
        raise Throttled("come back tomorrow", 86_400.0)

    spending = Spending(books, NO_CAPS)
    asker = an_asker(context_of(database, echo, refuse), spending)
    assert len(ask(asker, 40)) == 40
    assert asker.trouble is None
    assert spending.open.calls == 0


@pytest.mark.parametrize("refused_from", [0, 25], ids=["from the first", "in the middle"])
def test_many_refusals_in_a_row_end_it_and_are_no_answers(
    database: Database, books: Path, refused_from: int
) -> None:
    calls: list[int] = []

    def answer(asked: Request) -> Completion:
        calls.append(number_of(asked))
        if number_of(asked) >= refused_from:
            raise ItemError(f"System role not supported (request {number_of(asked)})")
        return echo(asked)

    asker = an_asker(context_of(database, answer), Spending(books, NO_CAPS))
    found = ask(asker, 100)
    assert sorted(found) == list(range(refused_from)), "they can be asked again"
    assert "System role not supported" in str(asker.trouble)
    assert len(calls) < refused_from + 25


def test_some_refusals_among_answers_or_at_the_end_are_answers(
    database: Database, books: Path
) -> None:
    def answer(asked: Request) -> Completion:
        if number_of(asked) % 7 == 3 or number_of(asked) >= 38:
            raise ItemError("I do not like it")
        return echo(asked)

    asker = an_asker(context_of(database, answer), Spending(books, NO_CAPS))
    found = ask(asker, 40)
    assert sorted(found) == list(range(40))
    assert asker.trouble is None
