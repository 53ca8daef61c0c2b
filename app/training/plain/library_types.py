"""Names for objects of transformers and peft, whose types depend on what is installed."""

from typing import Any, TypeAlias

Tokenizer: TypeAlias = Any
"""A ``PreTrainedTokenizerFast``."""
Model: TypeAlias = Any
"""A ``PreTrainedModel``, or the peft wrapper around one."""
ModelConfig: TypeAlias = Any
"""A ``PretrainedConfig``."""
