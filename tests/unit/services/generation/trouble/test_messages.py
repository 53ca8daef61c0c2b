"""The messages of runs: they quote what was seen, and advise only what can be done."""

import re
from typing import Any

import pytest

from app.cli.lazy_command import all_loaded
from app.cli.main import app
from app.pipeline import planner
from app.pipeline.options import RunOptions
from app.pipeline.types import Rejected, Stage
from app.services.context import ServiceContext
from app.services.generation.trouble import messages
from app.services.model_calls.streaks import Streak
from app.services.runs import control
from app.services.runs.run_request import RunRequest
from app.states import ItemState
from app.store.tables.instructions import InstructionRow
from app.store.tables.runs import Run
from app.store.tables.work import WorkItem
from app.store.work import instructions
from app.store.work.instructions import Dropped
from tests.bench import SEEDS

DRY = planner.Numbers(
    target=20,
    accepted=0,
    issued=9,
    admitted=9,
    barren=9,
    lookahead=8,
    dry_after=9,
    usual_yield=2.0,
)


@pytest.fixture
def run_id(context: ServiceContext) -> str:
    request = RunRequest(None, SEEDS, RunOptions(target=20))
    return control.start_run(context, request, None).id


def add(
    context: ServiceContext,
    run_id: str,
    *,
    dropped: tuple[tuple[Stage, str, str], ...] = (),
    items: tuple[tuple[Stage, ItemState, str | None], ...] = (),
    accepted: int = 0,
) -> None:
    with context.database.write() as session:
        rejections = [Dropped(stage, Rejected(text, why), None) for stage, why, text in dropped]
        instructions.reject(session, run_id, rejections)
        for n, (stage, state, trouble) in enumerate(items):
            columns: dict[str, Any] = {"run_id": run_id, "priority": 0, "subject": {}}
            session.add(WorkItem(stage=stage, ordinal=n, state=state, trouble=trouble, **columns))
        for n in range(accepted):
            row = {"run_id": run_id, "sequence": n, "text": "t", "neighbours": []}
            session.add(InstructionRow(completion_id=1, is_complete=True, **row))


def dry(context: ServiceContext, run_id: str) -> str:
    with context.database.read() as session:
        return messages.dry(session, session.get_one(Run, run_id), DRY)


def succeeded(context: ServiceContext, run_id: str) -> str | None:
    with context.database.read() as session:
        return messages.succeeded(session, session.get_one(Run, run_id))


def test_a_dry_run_quotes_one_reply_that_could_not_be_read_shortened(
    context: ServiceContext, run_id: str
) -> None:
    unread = ((Stage.GENERATE, "unreadable", f"Sure!\nHere they are: {'x' * 500}"),) * 9
    add(context, run_id, dropped=unread, items=((Stage.GENERATE, ItemState.DONE, None),) * 9)
    message = dry(context, run_id)
    assert "9 replies or parts of them (generate) could not be read" in message
    assert "one of them: “Sure! Here they are: x" in message
    assert "…”" in message
    assert len(message) < 900
    assert "--answer-format" in message


def test_a_few_unreadable_replies_of_many_are_not_worth_a_word(
    context: ServiceContext, run_id: str
) -> None:
    unread = ((Stage.INSTANTIATE, "unreadable", "Hm."),) * 4
    add(context, run_id, dropped=unread, items=((Stage.INSTANTIATE, ItemState.DONE, None),) * 40)
    assert succeeded(context, run_id) is None


def test_a_dry_run_names_the_most_frequent_trouble_of_its_calls(
    context: ServiceContext, run_id: str
) -> None:
    dead = ItemState.DEAD
    items = ((Stage.GENERATE, dead, "No system role."),) * 5 + ((Stage.GENERATE, dead, "Hm."),)
    add(context, run_id, items=items)
    message = dry(context, run_id)
    assert "Calls given up: 6, 5 of them because (generate): No system role." in message
    assert "temperature" not in message


@pytest.mark.parametrize(
    ("unknown", "accepted", "is_said"),
    [(8, 8, True), (3, 15, True), (2, 8, False), (3, 40, False), (0, 8, False)],
)
def test_a_run_that_met_its_target_says_when_a_large_share_of_labels_is_unknown(
    context: ServiceContext, run_id: str, unknown: int, accepted: int, *, is_said: bool
) -> None:
    given_up = ((Stage.CLASSIFY, ItemState.DEAD, "neither yes nor no"),) * unknown
    unread = ((Stage.CLASSIFY, "unreadable", "It depends on the reader."),) * 3 * unknown
    add(context, run_id, dropped=unread, items=given_up, accepted=accepted)
    message = succeeded(context, run_id)
    if is_said:
        assert message is not None
        assert f"For {unknown} of {accepted} instructions" in message
        assert "“It depends on the reader.”" in message
    else:
        assert message is None


def test_labels_that_a_filter_refused_are_unknown_too(context: ServiceContext, run_id: str) -> None:
    refused = ((Stage.CLASSIFY, ItemState.DEAD, "The provider's filter refused this text."),) * 4
    add(context, run_id, items=refused, accepted=5)
    message = succeeded(context, run_id)
    assert message is not None
    assert "For 4 of 5 instructions the model did not say whether they are" in message
    assert "most often: “The provider's filter refused this text.”" in message


def test_near_duplicates_are_answered_with_a_higher_temperature_and_other_seeds(
    context: ServiceContext, run_id: str
) -> None:
    add(context, run_id, dropped=((Stage.GENERATE, "near_duplicate", "t"),) * 30)
    message = dry(context, run_id)
    assert "--set sampling.generate.temperature=1.2" in message
    assert "seed tasks need a new run" in message


def test_every_command_of_a_message_exists_with_its_options(
    context: ServiceContext, run_id: str
) -> None:
    add(context, run_id, items=((Stage.INSTANTIATE, ItemState.REFUSED, "No."),), accepted=2)
    with context.database.read() as session:
        run = session.get_one(Run, run_id)
        reported = [
            messages.to_resume(run_id),
            messages.without_batches(run_id),
            *(messages.to_extend(run_id, cap) for cap in ("$0.05", "60,000 tokens", "7 calls")),
            messages.refused_in_a_row(run, Stage.GENERATE, Streak("k", "No.", 10, 10)),
            messages.refused_at_the_end(session, run),
            messages.useless(session, run),
        ]
    reported += [dry(context, run_id)]
    commands: Any = all_loaded(app)
    known = {
        command.name: {
            flag
            for parameter in command.params
            for flag in (*parameter.opts, *parameter.secondary_opts)
        }
        for command in commands.commands.values()
    }
    found = [one for text in reported for one in re.findall(r"`seedbed ([\w-]+) [^`]*`", text)]
    assert set(found) == {"resume", "extend", "export", "stop-batches"}
    for text in reported:
        name = re.findall(r"`seedbed ([\w-]+)", text)[0]
        for flag in re.findall(r"--[a-z-]+", text):
            assert flag in known[name], (flag, text)
