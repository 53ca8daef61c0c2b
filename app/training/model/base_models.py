"""Loading of base models: from a folder, from the Hugging Face Hub, or the embedded one."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)
from transformers.utils import logging

from app.errors import Fault, InvalidInput, MemoryTooSmall, SeedbedError
from app.training.model.device import Device, device_errors_as_failures
from app.training.model.embedded_model import embedded_model_folder
from app.training.model.memory import (
    MemoryEstimate,
    estimate_memory,
    quantized_bytes,
    uses_gradient_checkpointing,
)
from app.training.model.methods import uninitialized_modules
from app.training.model.model_checks import check_is_causal, settle_padding
from app.training.model.model_files import faults_of_files
from app.training.model.quantization import keep_weights_unpacked, quantization_config
from app.training.plain.library_types import Model, ModelConfig, Tokenizer
from app.training.plain.options import EMBEDDED, TrainingOptions

_Part = TypeVar("_Part")
_GIB = 2**30
_MISFIT = "config.json does not fit the weights: their shapes differ"
# A worker's log would fill up with progress bars.
logging.disable_progress_bar()
# peft uses a deprecated name of transformers.
warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A loaded base model."""

    name: str
    """Name in the options."""
    model: Model
    tokenizer: Tokenizer
    memory: MemoryEstimate
    new_modules: Sequence[str] = ()
    """Modules with random weights, because the loaded files have none for them."""


@dataclass(frozen=True, slots=True)
class Head:
    """The output layer of a model, which decides its task."""

    loader: Any
    """One of the ``AutoModelFor...`` classes of transformers."""
    peft_task: str
    """Task type in peft."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Values to set in the configuration of the model."""


LANGUAGE_MODEL = Head(AutoModelForCausalLM, "CAUSAL_LM")


def classification_head(labels: Sequence[str]) -> Head:
    """Return a head for these labels; a new one when the model has none with as many labels."""
    settings = {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
    }
    return Head(AutoModelForSequenceClassification, "SEQ_CLS", settings)


def load_for_training(
    options: TrainingOptions, cache: Path, device: Device, head: Head = LANGUAGE_MODEL
) -> BaseModel:
    """Load the base model of the options, after checking that it fits into memory.

    Args:
        options: Name the model, and what its training needs besides the weights.
        cache: Folder for the embedded model in the format of transformers (0.5 GB).
        device: Device to load it on.
        head: Output layer.

    Raises:
        InvalidInput: the model does not exist here or on the Hub, is not accessible, or has a
            context shorter than `max_tokens`.
        MemoryTooSmall: the model would not fit; the message has the numbers.
        OutOfSpace: the disk is too full to write the embedded model.
    """
    name, source = options.base_model, model_source(options.base_model, cache)
    config = _config(name, source, head)
    if head is LANGUAGE_MODEL:
        _check_length(config, options)
    # Small updates would be lost in 16-bit weights.
    weights = torch.float32 if options.method.name == "full" else device.dtype
    checkpointing = uses_gradient_checkpointing(options, device.name)
    parameters = _loading(name, lambda: parameter_count(config, head))
    memory = estimate_memory(
        config, parameters, options, weights.itemsize, gradient_checkpointing=checkpointing
    )
    check_memory(memory, device.free_bytes, name)
    tokenizer = _loading(name, lambda: load_tokenizer(source))
    extra: dict[str, Any] = {}
    if options.method.name == "qlora":
        extra["quantization_config"] = quantization_config(device.name, weights)
    # A new head is initialized at random.
    torch.manual_seed(options.seed)
    with device_errors_as_failures(name, "Use a smaller model."):
        model, new_modules = _loading(name, lambda: _weights(head, source, config, weights, extra))
        # 4-bit weights are already on the device.
        model = model if options.method.name == "qlora" else model.to(device.name)
        if checkpointing:
            enable_gradient_checkpointing(model, name)
        _check_loaded(model, tokenizer, name, head)
    return BaseModel(name, model, tokenizer, memory, new_modules)


def load_for_inference(
    name: str,
    cache: Path,
    device: Device,
    head: Head = LANGUAGE_MODEL,
    *,
    in_four_bits: bool = False,
) -> BaseModel:
    """Load a base model, or weights from full tuning, for inference.

    With `in_four_bits` it takes less memory and has the same weights as in QLoRA training.

    Raises:
        InvalidInput: the model does not exist here or on the Hub, or is not accessible.
        MemoryTooSmall: the model would not fit; the message has the numbers.
        OutOfSpace: the disk is too full to write the embedded model.
    """
    source = model_source(name, cache)
    config = _config(name, source, head)
    parameters = _loading(name, lambda: parameter_count(config, head))
    extra: dict[str, Any] = {}
    weight_bytes = parameters * device.dtype.itemsize
    if in_four_bits:
        weight_bytes = quantized_bytes(config, parameters, device.dtype.itemsize)
        extra["quantization_config"] = quantization_config(device.name, device.dtype)
    memory = MemoryEstimate(parameters, weight_bytes, 0, 0)
    check_memory(memory, device.free_bytes, name)
    tokenizer = _loading(name, lambda: load_tokenizer(source))
    with device_errors_as_failures(name, "Use a smaller model."):
        model, new_modules = _loading(
            name, lambda: _weights(head, source, config, device.dtype, extra)
        )
        model = model if in_four_bits else model.to(device.name)
        _check_loaded(model, tokenizer, name, head)
    return BaseModel(name, model.eval(), tokenizer, memory, new_modules)


def model_source(name: str, cache: Path) -> str:
    """Return the folder or Hub name that transformers loads a model from.

    Raises:
        InvalidInput: the folder does not exist.
    """
    if name == EMBEDDED:
        return str(embedded_model_folder(cache))
    # transformers would treat it as a Hub name, with a misleading error.
    if Path(name).is_absolute() and not Path(name).is_dir():
        raise _cannot_load(name, "there is no such folder on this machine")
    return name


def _config(name: str, source: str, head: Head) -> ModelConfig:
    """Load the configuration of a model, after a look at its files.

    Raises:
        InvalidInput: a file is damaged, or missing; the message names it.
    """
    if Path(source).is_dir() and (faults := faults_of_files(Path(source))):
        raise InvalidInput(f"The base model {name!r} cannot be loaded.", faults)
    config = _loading(name, lambda: AutoConfig.from_pretrained(source, **head.settings))
    if head is LANGUAGE_MODEL and getattr(config, "is_encoder_decoder", False):
        raise _cannot_load(name, "it is an encoder-decoder model, which no task supports")
    text = config.get_text_config()
    pad, size = getattr(text, "pad_token_id", None), getattr(text, "vocab_size", None)
    if pad is not None and size is not None and not 0 <= pad < size:
        # Models can't be created with it, or pad with another token.
        text.pad_token_id = None
    return config


def _check_loaded(model: Model, tokenizer: Tokenizer, name: str, head: Head) -> None:
    settle_padding(model, tokenizer)
    if head is LANGUAGE_MODEL:
        check_is_causal(model, name)


def check_memory(memory: MemoryEstimate, free: int, name: str) -> None:
    """Raise an error when a model does not fit.

    Raises:
        MemoryTooSmall: the message has the required and the free memory.
    """
    if memory.total > free:
        raise MemoryTooSmall(
            f"{name} needs about {memory}, but {free / _GIB:.1f} GiB are free. Use a smaller "
            "model; in training, a smaller micro_batch or max_tokens, or an adapter instead of "
            "full tuning."
        )


def _check_length(config: ModelConfig, options: TrainingOptions) -> None:
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    taken = options.method.virtual_tokens if options.method.name == "prefix" else 0
    if positions is not None and options.data.max_tokens + taken > positions:
        limit = f"{positions} tokens" + (f", minus {taken} for the prefix" if taken else "")
        fault = Fault(f"the context of the model is {limit}", field="data.max_tokens")
        raise InvalidInput(f"max_tokens is too large for {options.base_model}.", [fault])


def parameter_count(config: ModelConfig, head: Head = LANGUAGE_MODEL) -> int:
    """Count the parameters of a model from its configuration; no weight is created or loaded."""
    with torch.device("meta"):
        model = head.loader.from_config(config)
    return sum(weights.numel() for weights in model.parameters())


def load_tokenizer(source: str) -> Tokenizer:
    """Load a tokenizer; without a padding token it pads with the end-of-text token."""
    tokenizer = AutoTokenizer.from_pretrained(source)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _weights(
    head: Head, source: str, config: ModelConfig, weights: torch.dtype, extra: Mapping[str, Any]
) -> tuple[Model, Sequence[str]]:
    """Load a model, and name its modules that have random weights.

    Args:
        head: Output layer.
        source: Folder or name on the Hub.
        config: Configuration of the model.
        weights: Data type to load the weights in.
        extra: More arguments for the loader.

    Raises:
        ValueError: the weights do not fit the configuration.
    """
    # A classifier with other labels gets a new head.
    model, report = head.loader.from_pretrained(
        source,
        config=config,
        dtype=weights,
        ignore_mismatched_sizes=bool(head.settings),
        output_loading_info=True,
        **extra,
    )
    keep_weights_unpacked(model)
    mismatched = {name for name, *_ in report["mismatched_keys"]}
    if any(name.startswith(f"{model.base_model_prefix}.") for name in mismatched):
        # Not the head: all of this would be trained from random weights.
        raise ValueError(_MISFIT)
    new_modules = uninitialized_modules(model, {*report["missing_keys"], *mismatched})
    if new_modules and head is LANGUAGE_MODEL:
        raise ValueError(
            f"it has no weights for {', '.join(new_modules)}, so it is no language model"
        )
    return model, new_modules


def enable_gradient_checkpointing(model: Model, name: str) -> None:
    """Make a model recompute activations in the backward pass instead of keeping them.

    Raises:
        InvalidInput: the model does not support it.
    """
    try:
        # The newer name of the same method, where it exists.
        enable = getattr(model, "activation_checkpointing_enable", None)
        (enable or model.gradient_checkpointing_enable)({"use_reentrant": False})
    except ValueError as error:
        why = Fault("its architecture does not support it", field="schedule.recompute")
        raise InvalidInput(f"{name} cannot use gradient checkpointing.", [why]) from error


def _loading(name: str, load_part: Callable[[], _Part]) -> _Part:
    """Turn the loading errors of transformers into `InvalidInput`."""
    try:
        return load_part()
    except (SeedbedError, torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:
        # The libraries raise whatever their parsers meet in the files.
        if isinstance(error, RuntimeError) and _is_about_device(str(error)):
            raise
        what = str(error).strip().splitlines()
        why = what[0] if what else "no reason is given"
        why = why if isinstance(error, (OSError, ValueError)) else f"{type(error).__name__}: {why}"
        raise _cannot_load(name, _MISFIT if "ignore_mismatched_sizes" in why else why) from error


def _is_about_device(text: str) -> bool:
    return any(word in text for word in ("CUDA", "NCCL", "can't allocate"))


def _cannot_load(name: str, why: str) -> InvalidInput:
    may_be = (
        f"use {EMBEDDED!r}, a folder with config.json and weights, or a name on the Hugging Face "
        "Hub that this machine may access"
    )
    faults = [Fault(why, field="base_model"), Fault(may_be, field="base_model")]
    return InvalidInput(f"The base model {name!r} cannot be loaded.", faults)
