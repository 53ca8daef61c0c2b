"""Row rules of a run: data sets to keep away from, and filters before rows are stored."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from app.errors import InvalidInput
from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.services.datasets import control, lists, make
from app.services.datasets.control import DatasetRequest
from app.services.datasets.recipe import VersionRecipe
from app.store.tables.instructions import InstructionRow, Rejection
from tests.bench import Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL

pytestmark = MOSTLY_POSTGRESQL

NOTHING = "<nooutput>"


def version_of(bench: Bench, run_id: str) -> str:
    recipe = VersionRecipe.model_validate({"sources": [{"run_id": run_id}]})
    dataset, _ = control.create_dataset(bench.context, DatasetRequest("first", recipe))
    assert not make.make_dataset(bench.context, dataset.id, lambda: False)
    return dataset.id


def texts(bench: Bench, run_id: str) -> set[str]:
    with bench.context.database.read() as session:
        wanted = select(InstructionRow.text).where(InstructionRow.run_id == run_id)
        return set(session.scalars(wanted))


def test_nothing_near_a_named_data_set_is_accepted(open_bench: OpenBench, tmp_path: Path) -> None:
    with open_bench(reply, files_dir=tmp_path) as bench:
        first = bench.start(target=15, random_seed=5)
        bench.work(first)
        dataset_id = version_of(bench, first)
        again = bench.start(target=15, random_seed=5)
        bench.work(again)
        apart = bench.start(target=15, random_seed=5, nothing_near=[dataset_id])
        bench.work(apart)
        with bench.context.database.read() as session:
            wanted = select(Rejection.neighbour).where(Rejection.run_id == apart)
            neighbours = [n for n in session.scalars(wanted) if n]
        assert texts(bench, again) == texts(bench, first)
        rows, _ = lists.list_rows(bench.context, dataset_id, None, 1000)
        assert not texts(bench, apart) & {row.record.instruction for row in rows}
    named = [n for n in neighbours if n["origin"] == "dataset"]
    assert named
    assert {n["dataset_id"] for n in named} == {dataset_id}
    assert all(0 <= n["position"] < len(rows) for n in named)


@pytest.mark.parametrize(("filters", "kept"), [((), True), (("default",), False)])
def test_rows_that_break_a_filter_are_rejected_with_its_reason(
    open_bench: OpenBench, filters: tuple[str, ...], kept: bool
) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        answer = reply(call)
        try:
            said = json.loads(answer.text or "")
        except ValueError:
            return answer
        if "instances" not in said:
            return answer
        said["instances"][0]["output"] = NOTHING
        return replace(answer, text=json.dumps(said))

    with open_bench(script) as bench:
        run_id = bench.start(target=10, random_seed=5, filters=list(filters))
        bench.work(run_id)
        rows = json.loads(bench.alpaca(run_id))
        with bench.context.database.read() as session:
            wanted = select(Rejection.reason).where(Rejection.run_id == run_id)
            reasons = set(session.scalars(wanted))
    assert (NOTHING in {row["output"] for row in rows}) is kept
    assert ("placeholder_output" in reasons) is not kept


def test_unknown_filters_and_data_sets_are_named(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench, pytest.raises(InvalidInput) as caught:
        bench.start(target=5, filters=["refusal", "rudeness"], nothing_near=["dataset_none"])
    assert [fault.field for fault in caught.value.faults] == [
        "options.filters[1]",
        "options.nothing_near[0]",
    ]
