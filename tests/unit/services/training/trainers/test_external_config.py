"""Folders for other trainers, read back: the rows on their sides, the configuration beside them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.dataset_row import DatasetRow, Exchange, Record
from app.errors import InvalidInput
from app.evaluation.evaluation_result import ProgressPoint
from app.services.training.contract import RowSource, TrainerResult, TrainingWork
from app.services.training.trainers.external_config import (
    write_for_axolotl,
    write_for_llama_factory,
)
from app.training.plain.options import TrainingOptions

TOPICS = (
    "tides",
    "bread",
    "violins",
    "frost",
    "maps",
    "bees",
    "locks",
    "paint",
    "rivers",
    "clocks",
)
PLAIN = [Record(f"Explain {topic}.", f"About {topic}.", topic) for topic in TOPICS]
TURNED = [*PLAIN, Record("And then?", "Nothing.", system="Be short.",
                         history=(Exchange("What now?", "Rain."),))]  # fmt: skip


class Notes:
    """A watch that keeps what is reported to it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, point: ProgressPoint, steps: int | None) -> None:
        raise AssertionError(f"nothing is tuned here: {point} of {steps}")

    def log(self, line: str) -> None:
        self.lines.append(line)

    def stop(self) -> bool:
        return False


def source(name: str, records: Sequence[Record], test: int = 0) -> RowSource:
    rows = [
        DatasetRow(place, record, "test" if place < test else "train")
        for place, record in enumerate(records)
    ]
    return RowSource(name, lambda: iter(rows))


def work_of(
    folder: Path, where: str, records: Sequence[Record], test: int = 2, **changes: Any
) -> TrainingWork:
    chosen = {"where": where, "base_model": "owner/model", **changes}
    options = TrainingOptions.model_validate(chosen)
    general = [Record(f"Say {topic} backwards.", topic[::-1]) for topic in TOPICS]
    return TrainingWork(
        job_id="training_1",
        kind="training",
        options=options.model_dump(mode="json"),
        dataset=source("colours, version 3", records, test),
        other_datasets={"dataset_general": source("general, version 1", general)},
        folder=folder,
        cache=folder,
    )


def written(work: TrainingWork) -> Path:
    writer = write_for_axolotl if work.options["where"] == "axolotl" else write_for_llama_factory
    assert writer(work, Notes()) == TrainerResult(is_complete=True)
    return work.folder / "outputs"


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def test_llama_factory_finds_rows_list_and_configuration(tmp_path: Path) -> None:
    folder = written(work_of(tmp_path, "llama_factory", PLAIN))

    assert names(folder) == [
        "README.md", "data/dataset_info.json", "data/held_out.jsonl", "data/train.jsonl",
        "llama_factory.yaml",
    ]  # fmt: skip
    reported = yaml.safe_load((folder / "llama_factory.yaml").read_text())
    entries = json.loads((folder / reported["dataset_dir"] / "dataset_info.json").read_text())
    assert (reported["dataset"], reported["eval_dataset"]) == ("train", "held_out")
    for name in ("train", "held_out"):
        rows = lines_of(folder / reported["dataset_dir"] / entries[name]["file_name"])
        assert set(entries[name]["columns"].values()) == set(rows[0])
    assert lines_of(folder / "data" / "held_out.jsonl") == [
        {"instruction": one.instruction, "input": one.input, "output": one.output}
        for one in PLAIN[:2]
    ]
    assert len(lines_of(folder / "data" / "train.jsonl")) == 8


def test_axolotl_finds_rows_and_configuration(tmp_path: Path) -> None:
    folder = written(work_of(tmp_path, "axolotl", PLAIN))

    assert names(folder) == [
        "README.md", "axolotl.yaml", "data/held_out.jsonl", "data/train.jsonl",
    ]  # fmt: skip
    reported = yaml.safe_load((folder / "axolotl.yaml").read_text())
    (train,), (held_out,) = reported["datasets"], reported["test_datasets"]
    assert (train["type"], len(lines_of(folder / train["path"]))) == ("alpaca", 8)
    assert len(lines_of(folder / held_out["path"])) == 2


def test_rows_are_held_out_as_they_would_be_here(tmp_path: Path) -> None:
    share: dict[str, Any] = {"evaluation": {"held_out_share": 0.3}, "seed": 5}
    folder = written(work_of(tmp_path, "axolotl", PLAIN, test=0, **share))

    held_out = lines_of(folder / "data" / "held_out.jsonl")
    assert 1 <= len(held_out) < len(PLAIN)
    assert len(held_out) + len(lines_of(folder / "data" / "train.jsonl")) == len(PLAIN)
    none: dict[str, Any] = {"evaluation": {"held_out_share": 0}}
    folder = written(work_of(tmp_path, "llama_factory", PLAIN, test=0, **none))
    assert names(folder) == [
        "README.md", "data/dataset_info.json", "data/train.jsonl", "llama_factory.yaml",
    ]  # fmt: skip
    assert "eval_dataset" not in yaml.safe_load((folder / "llama_factory.yaml").read_text())


@pytest.mark.parametrize("where", ["llama_factory", "axolotl"])
def test_general_rows_are_a_data_set_of_their_own_with_their_share(
    tmp_path: Path, where: str
) -> None:
    data = {"replay_share": 0.2, "replay_dataset_id": "dataset_general"}
    folder = written(work_of(tmp_path, where, PLAIN, data=data))

    general = lines_of(folder / "data" / "general.jsonl")
    # 2 of 8 + 2 is a fifth.
    assert len(general) == 2
    assert general[0]["instruction"].endswith("backwards.")
    reported = yaml.safe_load((folder / f"{where}.yaml").read_text())
    if where == "llama_factory":
        assert reported["dataset"] == "train,general"
    else:
        assert [one["path"] for one in reported["datasets"]] == [
            "data/train.jsonl", "data/general.jsonl",
        ]  # fmt: skip


@pytest.mark.parametrize("where", ["llama_factory", "axolotl"])
def test_no_turn_is_lost(tmp_path: Path, where: str) -> None:
    for template in ("alpaca", "chat"):
        folder = written(work_of(tmp_path, where, TURNED, data={"template": template}))
        last = lines_of(folder / "data" / "train.jsonl")[-1]
        if where == "llama_factory" and template == "alpaca":
            assert (last["system"], last["history"]) == ("Be short.", [["What now?", "Rain."]])
            entries = json.loads((folder / "data" / "dataset_info.json").read_text())
            assert entries["train"]["columns"]["history"] == "history"
        else:
            assert [turn["content"] for turn in last["messages"]] == [
                "Be short.", "What now?", "Rain.", "And then?", "Nothing.",
            ]  # fmt: skip


def test_packed_rows_are_fewer_sequences_to_warm_up_for(tmp_path: Path) -> None:
    def warmup_steps(**data: Any) -> int:
        schedule = {"epochs": 100, "batch": 1, "warmup_share": 0.5}
        work = work_of(tmp_path, "llama_factory", PLAIN, data=data, schedule=schedule)
        reported = yaml.safe_load((written(work) / "llama_factory.yaml").read_text())
        return int(reported["warmup_steps"])

    assert warmup_steps() == 400
    # Some 270 characters are about 68 tokens, which make three packs.
    assert warmup_steps(packing=True, max_tokens=30) == 150
    assert warmup_steps(packing=True, max_tokens=8) == 400


def test_the_readme_has_the_command_and_what_to_look_at(tmp_path: Path) -> None:
    readme = (written(work_of(tmp_path, "axolotl", PLAIN)) / "README.md").read_text()
    assert readme.startswith("# colours, version 3, for Axolotl\n")
    assert "$ axolotl train axolotl.yaml\n" in readme
    assert "- `train`: 8 rows\n" in readme
    assert "change the target modules" in readme
    all_linear: dict[str, Any] = {"method": {"targets": "all linear"}, "data": {"template": "chat"}}
    folder = written(work_of(tmp_path, "llama_factory", PLAIN, **all_linear))
    readme = (folder / "README.md").read_text()
    assert "$ llamafactory-cli train llama_factory.yaml\n" in readme
    assert "targets" not in readme
    assert "must have a chat template" in readme


def test_the_same_work_makes_the_same_bytes_and_leaves_nothing_of_a_killed_writer(
    tmp_path: Path,
) -> None:
    work = work_of(tmp_path, "llama_factory", PLAIN)
    first = {name: (written(work) / name).read_bytes() for name in names(written(work))}
    (tmp_path / "outputs" / "data" / ".training.jsonl.0badcafe.part").write_text("half")
    (tmp_path / "outputs" / "axolotl.yaml").write_text("of another time")
    assert {name: (written(work) / name).read_bytes() for name in names(written(work))} == first


def test_a_version_with_no_row_to_learn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no row to train on"):
        written(work_of(tmp_path, "axolotl", PLAIN, test=len(PLAIN)))


def test_a_named_version_is_held_out_and_is_not_replayed(tmp_path: Path) -> None:
    named: dict[str, Any] = {
        "evaluation": {"held_out_dataset_id": "dataset_general"},
        "data": {"replay_share": 0.5, "replay_dataset_id": "dataset_more"},
    }
    work = work_of(tmp_path, "axolotl", PLAIN, test=0, **named)
    exam = list(work.other_datasets["dataset_general"].read())
    more = source("more, version 1", [*(row.record for row in exam), *TURNED[-1:]])
    folder = written(replace(work, other_datasets={**work.other_datasets, "dataset_more": more}))

    held_out, train, general = (
        lines_of(folder / "data" / f"{side}.jsonl") for side in ("held_out", "train", "general")
    )
    assert (len(held_out), len(train)) == (len(exam), len(PLAIN))
    assert len(general) == 1
