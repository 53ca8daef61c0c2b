"""Further formats of an adapter: merged weights, and a GGUF file for llama.cpp."""

from pathlib import Path

from transformers import AutoConfig

from app.errors import InvalidInput, MemoryTooSmall
from app.training.model.base_models import (
    LANGUAGE_MODEL,
    classification_head,
    load_for_inference,
    model_source,
)
from app.training.model.device import Device
from app.training.plain.training_record import read_record
from app.training.publish.adapter_folder import (
    MANIFEST,
    MERGEABLE,
    load_adapter,
    merge_adapter,
    save_tuned,
)
from app.training.publish.gguf_adapter import write_gguf_adapter


def write_merged(adapter: Path, target: Path, cache: Path, device: Device) -> str | None:
    """Write the base model with the merged adapter, unless it exists.

    Returns:
        Why it is not possible, or None when it is written.

    Raises:
        OutOfSpace: the disk is full.
    """
    if (target / MANIFEST).exists():
        return None
    record = read_record(adapter)
    method, base_model = record["options"]["method"]["name"], record["options"]["base_model"]
    if method not in MERGEABLE and method != "qlora":
        return f"an adapter of the method {method} cannot be merged"
    head = classification_head(list(record["labels"])) if record["labels"] else LANGUAGE_MODEL
    try:
        loaded = load_for_inference(base_model, cache, device, head)
    except MemoryTooSmall as error:
        # QLoRA trains models that do not fit in full; such an adapter can be merged on a larger
        # machine.
        return str(error).removesuffix(".")
    model = merge_adapter(load_adapter(loaded.model, adapter))
    save_tuned(target, model, loaded.tokenizer, record)
    return None


def write_gguf(adapter: Path, target: Path, cache: Path) -> str | None:
    """Write the adapter as a GGUF file for llama.cpp, unless it exists.

    Returns:
        Why it is not possible, or None when it is written.

    Raises:
        OutOfSpace: the disk is full.
    """
    if target.exists():
        return None
    record = read_record(adapter)
    if record["labels"]:
        return "llama.cpp does not support classifiers"
    config = AutoConfig.from_pretrained(model_source(record["options"]["base_model"], cache))
    try:
        write_gguf_adapter(adapter, config, target)
    except InvalidInput as error:
        return "; ".join(fault.message for fault in error.faults) or str(error)
    return None
