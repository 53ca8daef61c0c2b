"""The modules that a tuning method adapts, by model family."""

from collections.abc import Sequence

from torch import nn
from transformers.pytorch_utils import Conv1D

from app.errors import Fault, InvalidInput
from app.training.plain.library_types import Model
from app.training.plain.option_groups import MethodOptions, Placement

Targets = Sequence[str]
"""Names of modules, or their last parts."""
QUERY_AND_VALUE = (
    ("q_proj", "v_proj"),
    ("query", "value"),
    ("q_lin", "v_lin"),
    ("query_proj", "value_proj"),
    ("c_attn",),
    ("qkv_proj",),
    ("query_key_value",),
    ("Wqkv",),
    ("in_proj", "x_proj"),
)
"""Module names by model family: Llama and most others, BERT and RoBERTa, DistilBERT, DeBERTa; in
GPT-2, Phi-3, Falcon and ModernBERT one matrix holds query, key and value; Mamba has no attention,
and its projections are adapted."""
SCALED_BY_IA3 = (
    (("k_proj", "v_proj", "down_proj"), ("down_proj",)),
    (("key", "value", "output.dense"), ("output.dense",)),
    (("c_attn", "mlp.c_proj"), ("mlp.c_proj",)),
    (("query_key_value", "dense_4h_to_h"), ("dense_4h_to_h",)),
    (("qkv_proj", "down_proj"), ("down_proj",)),
    (("Wqkv", "down_proj"), ("down_proj",)),
    (("Wqkv", "mlp.Wo"), ("mlp.Wo",)),
    (("k_proj", "v_proj", "fc2"), ("fc2",)),
    (("k_proj", "v_proj", "fc_out"), ("fc_out",)),
    (("k_proj", "v_proj", "c_proj"), ("c_proj",)),
    (("key_proj", "value_proj", "output.dense"), ("output.dense",)),
    (("k_lin", "v_lin", "lin2"), ("lin2",)),
    (("in_proj", "x_proj"), ("x_proj",)),
)
"""By model family: the modules that IA3 scales, and those of them whose input is scaled."""
ENDS_OF_BLOCKS = (
    ("self_attn.o_proj", "mlp.down_proj"),
    ("attn.c_proj", "mlp.c_proj"),
    ("attention.dense", "mlp.dense_4h_to_h"),
    ("self_attention.dense", "mlp.dense_4h_to_h"),
    ("self_attn.out_proj", "fc2"),
    ("self_attn.dense", "mlp.fc2"),
    ("self_attn.dense", "mlp.dense_4h_to_h"),
    ("attn.out_proj", "mlp.fc_out"),
    ("attn.attention.out_proj", "mlp.c_proj"),
    ("self_attn.o_proj", "mlp.c_proj"),
    ("attn.out_proj", "ffn.down_proj"),
    ("attn.Wo", "mlp.Wo"),
    ("attention.output.dense", "output.dense"),
    ("attention.attn.o", "output.dense"),
    ("attention.out_lin", "ffn.lin2"),
    ("attention.dense", "ffn_output"),
)
"""The last modules of the attention and of the feed-forward layer, by model family: Llama and most
others, GPT-2, GPT-NeoX, Falcon and BLOOM, OPT, Phi, Persimmon, GPT-J, GPT-Neo, StarCoder 2, MPT,
ModernBERT, BERT and RoBERTa and ELECTRA and DeBERTa, MPNet, DistilBERT, ALBERT."""


def target_modules(model: Model, method: MethodOptions) -> Targets:
    """Return the modules that a method adapts, by the last parts of their names.

    Raises:
        InvalidInput: the model has no such module, or the preset does not know its family.
    """
    names = [name for name, _ in linear_modules(model)]
    if method.targets == "all linear" or (method.targets is None and method.name == "qlora"):
        head = model.get_output_embeddings()
        kept = {
            name.rsplit(".", 1)[-1]
            for name, module in linear_modules(model)
            if module is not head and not name.startswith("classifier")
        }
        return tuple(sorted(kept))
    if method.targets is None and method.name == "bottleneck":
        return _ends_of_blocks(model, names, method.placement)
    if method.targets is None and method.name == "ia3":
        return _first_known(names, [scaled for scaled, _ in SCALED_BY_IA3], "keys and values")
    if method.targets in (None, "q and v"):
        return _first_known(names, QUERY_AND_VALUE, "query and value")
    wanted = tuple(method.targets or ())
    unknown = [target for target in wanted if not _has(names, target)]
    if unknown:
        faults = [Fault(f"the model has no {one!r}", field="method.targets") for one in unknown]
        raise InvalidInput(
            f"Unknown target modules; the model has: {_module_names(names)}.", faults
        )
    return wanted


def _ends_of_blocks(model: Model, names: Sequence[str], placement: Placement) -> Targets:
    """Return the modules whose output is that of an attention or feed-forward layer.

    Raises:
        InvalidInput: the family is unknown, or a block has not exactly one of each: it has several
            experts, or something else instead of attention.
    """
    for attention_end, feed_forward_end in ENDS_OF_BLOCKS:
        attention = [name for name in names if name.endswith(f".{attention_end}")]
        others = set(names) - set(attention)
        feed_forward = [name for name in others if name.endswith(f".{feed_forward_end}")]
        blocks = {_block_of(name) for name in attention}
        if (
            blocks
            and blocks == {_block_of(name) for name in feed_forward}
            and len(attention) == len(feed_forward) == len(blocks)
        ):
            return tuple(sorted(feed_forward + (attention if placement == "houlsby" else [])))
    kind = getattr(model.config, "model_type", type(model).__name__)
    raise InvalidInput(
        "Bottleneck adapters do not know the attention and feed-forward layers of "
        f"{kind!r} models.",
        [
            Fault(
                "set the targets to the modules whose output the adapters change; the model has: "
                + _module_names(names),
                field="method.targets",
            )
        ],
    )


def _block_of(name: str) -> str:
    """Return the name of the innermost numbered module around a module."""
    parts = name.split(".")
    numbered = [place for place, part in enumerate(parts) if part.isdigit()]
    return ".".join(parts[: numbered[-1] + 1]) if numbered else ""


def linear_modules(model: Model) -> list[tuple[str, nn.Module]]:
    """Return the linear layers of a model with their names."""
    # Falcon's are a subclass of `Linear`; 4-bit ones, too.
    kinds = (nn.Linear, Conv1D)
    return [(name, one) for name, one in model.named_modules() if isinstance(one, kinds)]


def _has(names: Sequence[str], target: str) -> bool:
    """Return True when peft would find the target: a whole name, or its last parts."""
    return any(name == target or name.endswith(f".{target}") for name in names)


def _first_known(names: Sequence[str], families: Sequence[Targets], what: str) -> Targets:
    for family in families:
        if all(_has(names, target) for target in family):
            return family
    raise InvalidInput(
        f"The model has no known module names for {what}.",
        [Fault(f"set the targets; the model has: {_module_names(names)}", field="method.targets")],
    )


def _module_names(names: Sequence[str]) -> str:
    return ", ".join(sorted({name.rsplit(".", 1)[-1] for name in names}))
