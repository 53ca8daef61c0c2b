"""What can be made of an adapter: merged weights, and a file for llama.cpp."""

import json
from pathlib import Path

from transformers import AutoConfig

from app.errors import InvalidInput, MemoryTooSmall
from app.training.model.base_models import ANSWERS, Place, load_to_answer, source_of, telling
from app.training.publish.adapter_folder import (
    MANIFEST,
    MERGEABLE,
    merged,
    save_tuned,
    with_adapter,
)
from app.training.publish.gguf_adapter import write_gguf_adapter


def write_merged(adapter: Path, target: Path, cache: Path, place: Place) -> str | None:
    """Write the base model with the adapter worked in, unless it is there already.

    Returns why it cannot be, None when it is there.

    Raises:
        OutOfSpace: when the disk is full.
    """
    if (target / MANIFEST).exists():
        return None
    facts = json.loads((adapter / "training.json").read_text(encoding="utf-8"))
    method, base_model = facts["options"]["method"]["name"], facts["options"]["base_model"]
    if method not in MERGEABLE and method != "qlora":
        return f"an adapter of the method {method} is no part of any weight"
    head = telling(list(facts["labels"])) if facts["labels"] else ANSWERS
    try:
        loaded = load_to_answer(base_model, cache, place, head)
    except MemoryTooSmall as error:
        # QLoRA tunes what does not fit in full: its adapter can be merged on a larger machine.
        return str(error).removesuffix(".")
    model = merged(with_adapter(loaded.model, adapter))
    save_tuned(target, model, loaded.tokenizer, facts)
    return None


def write_for_llama_cpp(adapter: Path, target: Path, cache: Path) -> str | None:
    """Write the adapter as a GGUF file, unless it is there already.

    Returns why it cannot be, None when it is there.

    Raises:
        OutOfSpace: when the disk is full.
    """
    if target.exists():
        return None
    facts = json.loads((adapter / "training.json").read_text(encoding="utf-8"))
    if facts["labels"]:
        return "it tells labels, which llama.cpp does not"
    config = AutoConfig.from_pretrained(source_of(facts["options"]["base_model"], cache))
    try:
        write_gguf_adapter(adapter, config, target)
    except InvalidInput as error:
        return "; ".join(fault.message for fault in error.faults) or str(error)
    return None
