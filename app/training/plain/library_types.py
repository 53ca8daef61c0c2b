"""Names for the objects of transformers and peft, whose own types depend on what is installed."""

from typing import Any, TypeAlias

Tokenizer: TypeAlias = Any
"""A ``PreTrainedTokenizerFast``."""
Model: TypeAlias = Any
"""A ``PreTrainedModel``, or peft's wrapping of one."""
ModelConfig: TypeAlias = Any
"""A ``PretrainedConfig``."""
