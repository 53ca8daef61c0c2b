"""Trainings for other programs: their configuration, with the rows beside it.

::

    README.md                              the command, and what to check first
    llama_factory.yaml or axolotl.yaml     the configuration
    data/train.jsonl                       training rows
    data/held_out.jsonl                    rows for the loss on held-out data
    data/general.jsonl                     general rows, trained on with the others
    data/dataset_info.json                 LLaMA-Factory's list of these files

Needs no torch.
"""

import json
import math
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.atomic_files import written
from app.dataset_row import Record
from app.errors import Fault, InvalidInput
from app.formats.formats import format_named
from app.formats.yaml_text import yaml_text
from app.services.training.contract import TrainerResult, TrainingMonitor, TrainingWork
from app.services.training.trainers.split_rows import replay_rows, split_for_training
from app.training.plain import axolotl, llama_factory
from app.training.plain.external_options import Side, TrainingFiles
from app.training.plain.options import TrainingOptions
from app.training.plain.replay import with_replay

_Rows = Mapping[Side, Sequence[Record]]
_CHARACTERS_PER_TOKEN = 4
"""Rough average for English."""
_README = """\
# {dataset}, for {program}

Written by the training job {job_id}: {base_model} by {method}. In this folder, on the machine that
trains:

```console
$ {command}
```

{sides}

Check these first:

{notes}
"""


@dataclass(frozen=True, slots=True)
class ConfigurationWriter:
    """Writes files for one program; a `app.services.training.contract.Trainer`."""

    program: str
    """Display name."""
    command: str
    configuration_file: str
    configuration: Callable[[TrainingOptions, TrainingFiles], Mapping[str, Any]]
    format_of_turns: str
    """Row format with the Alpaca template when rows have a system text or earlier turns."""
    dataset_info: Callable[[TrainingFiles], Mapping[str, Any]] | None = None
    """Makes a list of the data files; None when the program needs none."""

    def __call__(self, work: TrainingWork, monitor: TrainingMonitor) -> TrainerResult:
        """Write all files; the same rows and options give the same bytes."""
        options = TrainingOptions.model_validate(work.options)
        outputs = work.folder / "outputs"
        # A killed process may have left a partial folder.
        shutil.rmtree(outputs, ignore_errors=True)
        (outputs / "data").mkdir(parents=True)
        rows = _rows(work, options)
        counts = ", ".join(f"{len(records)} {side}" for side, records in rows.items())
        monitor.log(f"Writing rows and configuration for {self.program}: {counts}.")
        data = self._write_rows(outputs, rows, options)
        _put(outputs / self.configuration_file, yaml_text(self.configuration(options, data)))
        if self.dataset_info is not None:
            entries = json.dumps(self.dataset_info(data), indent=2)
            _put(outputs / "data" / "dataset_info.json", f"{entries}\n")
        _put(outputs / "README.md", self._readme(work, options, rows))
        return TrainerResult(is_complete=True)

    def _write_rows(self, outputs: Path, rows: _Rows, options: TrainingOptions) -> TrainingFiles:
        with_turns = any(record.system or record.history for one in rows.values() for record in one)
        name = self.format_of_turns if with_turns else "alpaca_jsonl"
        if options.data.template == "chat":
            name = "messages"
        format_ = format_named(name)
        files: dict[Side, str] = {}
        for side, records in rows.items():
            files[side] = f"data/{side}{format_.suffix}"
            with written(outputs / files[side]) as sink:
                format_.write(records, sink)
        sequences = _count_sequences([*rows["train"], *rows.get("general", ())], options)
        return TrainingFiles(name, files, sequences, with_turns=with_turns and name != "messages")

    def _readme(self, work: TrainingWork, options: TrainingOptions, rows: _Rows) -> str:
        sides = "\n".join(f"- `{side}`: {len(records)} rows" for side, records in rows.items())
        notes = "\n".join(f"- {note}" for note in _notes(options))
        return _README.format(
            dataset=work.dataset.name,
            program=self.program,
            job_id=work.job_id,
            base_model=options.base_model,
            method=options.method.name,
            command=self.command,
            sides=sides,
            notes=notes,
        )


def _rows(work: TrainingWork, options: TrainingOptions) -> _Rows:
    split = split_for_training(work, options)
    train = [row.record for row in split.training]
    if not train:
        fault = Fault("leaves no training row", field="options.evaluation.held_out_share")
        raise InvalidInput("The data set has no row to train on.", [fault])
    rows: dict[Side, Sequence[Record]] = {"train": train}
    replay = replay_rows(work, options, split.held_out)
    general = with_replay(train, replay, options.data.replay_share, options.seed)[len(train) :]
    if general:
        rows["general"] = general
    if split.held_out:
        rows["held_out"] = [row.record for row in split.held_out]
    return rows


def _count_sequences(records: Sequence[Record], options: TrainingOptions) -> int:
    if not options.data.packing:
        return len(records)
    texts = (record.system + record.request + record.output for record in records)
    tokens = sum(map(len, texts)) / _CHARACTERS_PER_TOKEN
    return max(1, min(len(records), math.ceil(tokens / options.data.max_tokens)))


def _notes(options: TrainingOptions) -> Iterable[str]:
    yield (
        f"The batch is {options.schedule.batch} on one device; on several, divide the "
        "gradient accumulation by their number."
    )
    if options.data.template == "alpaca":
        yield "The prompt is the Alpaca template of the program, with its own wording."
    else:
        yield "The model must have a chat template; rows are rendered with it."
    if options.method.name != "full" and options.method.targets in (None, "q and v"):
        yield "If the model has other names for query and value, change the target modules."
    yield "It computes in bfloat16; on a device without it, use `fp16`."


def _put(path: Path, text: str) -> None:
    with written(path) as sink:
        sink.write(text.encode())


write_for_llama_factory = ConfigurationWriter(
    program="LLaMA-Factory",
    command=llama_factory.COMMAND,
    configuration_file=llama_factory.CONFIGURATION,
    configuration=llama_factory.configuration,
    format_of_turns="jsonl",
    dataset_info=llama_factory.dataset_info,
)
write_for_axolotl = ConfigurationWriter(
    program="Axolotl",
    command=axolotl.COMMAND,
    configuration_file=axolotl.CONFIGURATION,
    configuration=axolotl.configuration,
    format_of_turns="messages",
)
