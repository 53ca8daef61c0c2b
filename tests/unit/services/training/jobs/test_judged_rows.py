"""The decisions of a judge run as rows for a classifier."""

from pathlib import Path

import pytest

from app.errors import InvalidInput
from app.services.training.contract import RowSource
from app.services.training.jobs import control
from app.services.training.jobs.judged_rows import QUESTION, judged_rows
from app.services.training.jobs.requests import TrainingRequest
from app.training.plain.options import TrainingOptions
from tests.bench import Bench, OpenBench
from tests.review_runs import judge, some_rows, start, stored


def test_the_label_is_the_decision_and_the_input_the_whole_row(
    open_bench: OpenBench, tmp_path: Path
) -> None:
    with open_bench(judge, files_dir=tmp_path / "files") as bench:
        dataset_id = stored(bench.context.database, some_rows(5))
        run_id = start(bench, dataset_id, "judge")
        bench.work(run_id)
        # A row that the run did not see has no decision.
        source = RowSource("tea, version 1", lambda: iter(some_rows(6)))
        found = judged_rows(bench.context, run_id, source)
        rows = list(found.read())

    assert found.name == f"tea, version 1, as {run_id} judged it"
    # The judge gives 5, 4, 3, 2, 1; below 4 a row is rejected.
    assert [row.record.output for row in rows] == ["kept", "kept", *["rejected"] * 3]
    assert {row.record.instruction for row in rows} == {QUESTION}
    assert all(row.is_classification for row in rows)
    assert {row.origin["review_run_id"] for row in rows} == {run_id}
    assert rows[3].record.input.startswith(
        "You count.\n\nBefore 3?\n\nIt was 2.\n\nSay the number 3"
    )
    assert rows[3].record.input.endswith("old answer 3")


def test_only_a_finished_judge_run_of_this_data_set_can_be_learnt(bench: Bench) -> None:
    one, other = (stored(bench.context.database, some_rows(3)) for _ in range(2))
    run_id = start(bench, one, "judge")
    again = start(bench, one, "re_answer")
    messages = []
    for dataset_id, review in (
        (one, "run_unknown"),
        (one, "no id"),
        (other, run_id),
        (one, again),
        (one, run_id),
    ):
        options = TrainingOptions(task="labels", review_run_id=review)
        with pytest.raises(InvalidInput) as caught:
            control.create_job(bench.context, TrainingRequest(dataset_id, options), None)
        (fault,) = caught.value.faults
        assert fault.field == "options.review_run_id"
        messages.append(fault.message)
    assert messages == [
        "there is no run with the id 'run_unknown'",
        "there is no run with the id 'no id'",
        f"{run_id} did not judge this data set",
        f"{again} did not judge this data set",
        "the run is queued; it must end first",
    ]
