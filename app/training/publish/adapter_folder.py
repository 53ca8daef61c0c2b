"""The output folder of a training: adapter or full weights, model card, checksums.

::

    README.md                    the model card
    adapter_model.safetensors    with adapter_config.json; after full tuning or merging:
    model.safetensors            with config.json
    tokenizer.json               and its other files
    training.json                options, losses, counts, ranks
    manifest.json                size and SHA-256 of every other file
"""

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from peft import PeftModel

from app.atomic_files import whole_folder
from app.errors import Fault, InvalidInput, OutOfSpace
from app.training.learn.loop import TrainingOutcome
from app.training.model.methods import AdaptedModel, adapter_ranks
from app.training.plain.encoding import EncodingReport
from app.training.plain.library_types import Model, Tokenizer
from app.training.plain.model_card import model_card
from app.training.plain.options import TrainingOptions
from app.training.plain.training_record import FILE_NAME, TrainingRecord

MANIFEST = "manifest.json"
MERGEABLE = frozenset({"lora", "rslora", "dora", "adalora", "ia3"})
"""Methods whose adapters can be merged into the weights. QLoRA adapters can be merged into a base
model that is loaded in full."""


class FileEntry(TypedDict):
    """A file of the folder."""

    path: str
    """Relative to the folder."""
    bytes: int
    sha256: str


class Manifest(TypedDict):
    """Content of `manifest.json`."""

    name: str
    files: list[FileEntry]


def training_record(
    adapted: AdaptedModel,
    options: TrainingOptions,
    outcome: TrainingOutcome,
    encoding: EncodingReport,
    labels: Mapping[str, int] | None = None,
) -> TrainingRecord:
    """Return the record of a training, which the card and the report are made from.

    Args:
        adapted: The trained model.
        options: Its training options.
        outcome: Steps and losses.
        encoding: Counts of rows and tokens.
        labels: Labels of a classifier, each with its number of rows.
    """
    return {
        "options": options.model_dump(mode="json"),
        "learning_rate": options.learning_rate,
        "parameters": {
            "tuned": adapted.parameters.tuned,
            "total": adapted.parameters.total,
            "share": adapted.parameters.share,
        },
        "targets": list(adapted.targets),
        "ranks": dict(adapter_ranks(adapted.model)),
        "mergeable": adapted.method.name in MERGEABLE or adapted.method.name == "qlora",
        "steps": outcome.steps,
        "losses": list(outcome.losses),
        "rows": {
            "rows": encoding.rows,
            "kept": encoding.kept,
            "truncated": encoding.truncated,
            "dropped": encoding.dropped,
            "tokens": encoding.tokens,
            "tokens_under_loss": encoding.tokens_under_loss,
            "tokens_cut": encoding.tokens_cut,
            "folded_system": encoding.folded_system,
            "last_answer_only": encoding.last_answer_only,
            "refused": dict(encoding.refused),
            "first_refused": dict(encoding.first_refused),
        },
        "labels": dict(labels or {}),
    }


def save_tuned(
    target: Path,
    model: Model,
    tokenizer: Tokenizer,
    record: TrainingRecord,
    card: str | None = None,
) -> Manifest:
    """Write a tuned model (only its adapter, if it has one); return the manifest.

    Without `card`, the model card is made from the record.

    Raises:
        Conflict: the target exists; it is not changed.
        OutOfSpace: the disk is full; no partial folder is left.
    """
    with whole_folder(target) as folder:
        try:
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
        except Exception as error:
            # safetensors raises its own error when the disk is full.
            if "No space left" in str(error) or "File too large" in str(error):
                raise OutOfSpace(f"No space is left to write {target.name}.") from error
            raise
        # peft writes a generic card; replace it.
        _put(folder / "README.md", card or model_card(target.name, record))
        _put(folder / FILE_NAME, _json(record))
        manifest: Manifest = {"name": target.name, "files": _checksums(folder)}
        _put(folder / MANIFEST, _json(manifest))
    return manifest


def verify_checksums(folder: Path) -> None:
    """Compare a folder with its manifest.

    Raises:
        InvalidInput: the message names every missing or changed file.
    """
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInput(f"{folder.name} has no manifest.", [Fault(str(error))]) from error
    found = {file["path"]: file for file in _checksums(folder)}
    faults = [
        Fault(
            "has changed" if file["path"] in found else "is missing",
            field=file["path"],
        )
        for file in files
        if found.get(file["path"]) != file
    ]
    if faults:
        raise InvalidInput(f"{folder.name} is damaged.", faults)


def load_adapter(model: Model, folder: Path) -> Model:
    """Add a saved adapter to its base model, for inference.

    Raises:
        InvalidInput: the folder is damaged, or the adapter belongs to another base model.
    """
    verify_checksums(folder)
    try:
        with warnings.catch_warnings():
            # peft applies the ranks of AdaLoRA, and warns that it does not.
            warnings.filterwarnings("ignore", "The following rank_pattern keys", RuntimeWarning)
            adapted = PeftModel.from_pretrained(model, folder)
    except (RuntimeError, ValueError, OSError) as error:
        raise InvalidInput(
            f"The adapter {folder.name} does not fit this base model.",
            [Fault(str(error).strip().splitlines()[0])],
        ) from error
    return adapted.eval()


def merge_adapter(model: Model) -> Model:
    """Merge the adapter into the weights of its base model, in place, and return the base model.

    Raises:
        InvalidInput: the method adds nothing that could be merged.
    """
    if not hasattr(model, "merge_and_unload") or model.active_peft_config.is_prompt_learning:
        raise InvalidInput("This adapter cannot be merged into the weights.")
    return model.merge_and_unload()


def _checksums(folder: Path) -> list[FileEntry]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return [
        {
            "path": path.relative_to(folder).as_posix(),
            "bytes": path.stat().st_size,
            "sha256": _sha256(path),
        }
        for path in paths
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
