"""Trainings for others to do: a configuration of their program, with the rows beside it.

::

    README.md                              the command, and what to look at before
    llama_factory.yaml or axolotl.yaml     the configuration
    data/learnt.jsonl                      what is to be learnt
    data/held_out.jsonl                    what the trainer measures its loss on
    data/general.jsonl                     general rows to be learnt among the others
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
from app.errors import Fault, InvalidInput
from app.formats.formats import format_named
from app.formats.yaml_text import yaml_text
from app.record import Record
from app.services.training.contract import Trained, TrainingWatch, TrainingWork
from app.services.training.trainers.held_out import replayed, sides_of
from app.training.plain import axolotl, llama_factory
from app.training.plain.external_options import Handover, Side
from app.training.plain.options import TrainingOptions
from app.training.plain.replay import with_replay

_Rows = Mapping[Side, Sequence[Record]]
_CHARACTERS_A_TOKEN = 4
"""Of English, roughly."""
_README = """\
# {dataset}, for {program}

Written by the training job {job_id}: {base_model} by {method}. In this folder, on the machine that
trains:

```console
$ {command}
```

{sides}

Look at these before:

{notes}
"""


@dataclass(frozen=True, slots=True)
class ConfigurationWriter:
    """Writes for one program: this is a `app.services.training.contract.Trainer`."""

    program: str
    """Its name, for people."""
    command: str
    configuration_file: str
    configuration: Callable[[TrainingOptions, Handover], Mapping[str, Any]]
    format_of_turns: str
    """How rows with a system text or earlier turns are written where the template is Alpaca's."""
    dataset_info: Callable[[Handover], Mapping[str, Any]] | None = None
    """What it wants to find beside the data; None: nothing."""

    def __call__(self, work: TrainingWork, watch: TrainingWatch) -> Trained:
        """Write everything anew; the same rows and options make the same bytes."""
        options = TrainingOptions.model_validate(work.options)
        outputs = work.folder / "outputs"
        # A process that was killed here left half of it.
        shutil.rmtree(outputs, ignore_errors=True)
        (outputs / "data").mkdir(parents=True)
        rows = _rows(work, options)
        told = ", ".join(f"{len(records)} {side}" for side, records in rows.items())
        watch.log(f"Writes rows and configuration for {self.program}: {told}.")
        data = self._written(outputs, rows, options)
        _put(outputs / self.configuration_file, yaml_text(self.configuration(options, data)))
        if self.dataset_info is not None:
            entries = json.dumps(self.dataset_info(data), indent=2)
            _put(outputs / "data" / "dataset_info.json", f"{entries}\n")
        _put(outputs / "README.md", self._readme(work, options, rows))
        return Trained(is_whole=True)

    def _written(self, outputs: Path, rows: _Rows, options: TrainingOptions) -> Handover:
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
        sequences = _sequences([*rows["learnt"], *rows.get("general", ())], options)
        return Handover(name, files, sequences, with_turns=with_turns and name != "messages")

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
    sides = sides_of(work, options)
    learnt = [row.record for row in sides.learnt]
    if not learnt:
        fault = Fault("leaves no row to learn", field="options.evaluation.held_out_share")
        raise InvalidInput("The data set has no row to learn.", [fault])
    rows: dict[Side, Sequence[Record]] = {"learnt": learnt}
    replay = replayed(work, options, sides.held_out)
    general = with_replay(learnt, replay, options.data.replay_share, options.seed)[len(learnt) :]
    if general:
        rows["general"] = general
    if sides.held_out:
        rows["held_out"] = [row.record for row in sides.held_out]
    return rows


def _sequences(records: Sequence[Record], options: TrainingOptions) -> int:
    if not options.data.packing:
        return len(records)
    texts = (record.system + record.request + record.output for record in records)
    tokens = sum(map(len, texts)) / _CHARACTERS_A_TOKEN
    return max(1, min(len(records), math.ceil(tokens / options.data.max_tokens)))


def _notes(options: TrainingOptions) -> Iterable[str]:
    yield (
        f"The batch is {options.schedule.batch} on one device; on several, divide the "
        "accumulation by their number."
    )
    if options.data.template == "alpaca":
        yield "The words around instruction and input are those that the program has for Alpaca."
    else:
        yield "The model must have a chat template of its own; rows are put into that."
    if options.method.name != "full" and options.method.targets in (None, "q and v"):
        yield "If the model names its query and value otherwise, change the names of the targets."
    yield "It computes in bfloat16; a device that has none wants `fp16` in its place."


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
