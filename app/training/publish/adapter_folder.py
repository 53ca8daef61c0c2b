"""What tuning made, as a folder: the adapter or the whole weights, a card, sums of all files.

::

    README.md                    the model card
    adapter_model.safetensors    with adapter_config.json; of full tuning and of merged weights:
    model.safetensors            with config.json
    tokenizer.json               and what belongs to it
    training.json                options, losses, counts, ranks: all facts of the card
    manifest.json                bytes and SHA-256 of all the others
"""

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from peft import PeftModel

from app.atomic_files import whole_folder
from app.errors import Fault, InvalidInput, OutOfSpace
from app.training.learn.loop import Outcome
from app.training.model.methods import Adapted, ranks
from app.training.plain.encoding import EncodingReport
from app.training.plain.library_types import Model, Tokenizer
from app.training.plain.model_card import model_card
from app.training.plain.options import TrainingOptions

MANIFEST = "manifest.json"
MERGEABLE = frozenset({"lora", "rslora", "dora", "adalora", "ia3"})
"""Their adapters can become part of the weights, and then cost nothing; QLoRA's, too, but on a base
model that is loaded in full."""


def facts_of(
    adapted: Adapted,
    options: TrainingOptions,
    outcome: Outcome,
    encoding: EncodingReport,
    labels: Mapping[str, int] | None = None,
) -> Mapping[str, Any]:
    """All that is to be told of a tuned model, for the card, the report and `training.json`.

    The labels it tells apart come with the number of their rows; one that answers has none.
    """
    return {
        "options": options.model_dump(mode="json"),
        "learning_rate": options.learning_rate,
        "parameters": {**asdict(adapted.share), "share": adapted.share.share},
        "targets": list(adapted.targets),
        "ranks": dict(ranks(adapted.model)),
        "mergeable": adapted.method.name in MERGEABLE or adapted.method.name == "qlora",
        "steps": outcome.steps,
        "losses": list(outcome.losses),
        "rows": asdict(encoding),
        "labels": dict(labels or {}),
    }


def save_tuned(
    target: Path,
    model: Model,
    tokenizer: Tokenizer,
    facts: Mapping[str, Any],
    card: str | None = None,
) -> Mapping[str, Any]:
    """Write a tuned model (its adapter alone, where it has one); the manifest is returned.

    Without a card of its own it gets the one that `facts_of` has the facts for.

    Raises:
        Conflict: when there is something of this name; it is left as it was.
        OutOfSpace: when the disk is full; nothing is left.
    """
    with whole_folder(target) as folder:
        try:
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
        except Exception as error:
            # safetensors tells of a full disk by an error of its own.
            if "No space left" in str(error) or "File too large" in str(error):
                raise OutOfSpace(f"No space is left to write {target.name}.") from error
            raise
        # peft writes a card of its own, which says nothing of how it was made.
        _put(folder / "README.md", card or model_card(target.name, facts))
        _put(folder / "training.json", _json(facts))
        manifest = {"name": target.name, "files": _sums(folder)}
        _put(folder / MANIFEST, _json(manifest))
    return manifest


def check_sums(folder: Path) -> None:
    """Hold a folder against its manifest.

    Raises:
        InvalidInput: names every file that is missing or not as it was written.
    """
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInput(f"{folder.name} has no manifest.", [Fault(str(error))]) from error
    there = {file["path"]: file for file in _sums(folder)}
    faults = [
        Fault(
            "is not as it was written" if file["path"] in there else "is missing",
            field=file["path"],
        )
        for file in files
        if there.get(file["path"]) != file
    ]
    if faults:
        raise InvalidInput(f"{folder.name} is damaged.", faults)


def with_adapter(model: Model, folder: Path) -> Model:
    """Put a saved adapter on its base model, to answer with.

    Raises:
        InvalidInput: when the folder is damaged or the adapter is of another base model.
    """
    check_sums(folder)
    try:
        with warnings.catch_warnings():
            # peft heeds AdaLoRA's ranks, and warns that it does not.
            warnings.filterwarnings("ignore", "The following rank_pattern keys", RuntimeWarning)
            adapted = PeftModel.from_pretrained(model, folder)
    except (RuntimeError, ValueError, OSError) as error:
        raise InvalidInput(
            f"The adapter {folder.name} does not fit this base model.",
            [Fault(str(error).strip().splitlines()[0])],
        ) from error
    return adapted.eval()


def merged(model: Model) -> Model:
    """The base model with the adapter worked into its weights; changes what it is given.

    Raises:
        InvalidInput: when the method has nothing that could be worked in.
    """
    if not hasattr(model, "merge_and_unload") or model.active_peft_config.is_prompt_learning:
        raise InvalidInput("This adapter cannot be merged: it is no part of any weight.")
    return model.merge_and_unload()


def _sums(folder: Path) -> list[dict[str, Any]]:
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
