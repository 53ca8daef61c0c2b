"""Tiny models with random weights and a tiny tokenizer, made in the process: nothing is loaded."""

from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from app.dataset_row import Exchange, Record

CHAT = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
MARKERS = ("<|pad|>", "<|end|>", "<|begin|>", "<|system|>", "<|user|>", "<|assistant|>")
WIDTH = 32
LAYERS = 2


def tiny_tokenizer(chat: str | None = CHAT) -> Any:
    """A token a byte, and the markers."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {word: number for number, word in enumerate([*MARKERS, *letters])}
    made = Tokenizer(models.BPE(vocab=words, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(list(MARKERS))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|end|>", pad_token="<|pad|>", bos_token="<|begin|>"
    )
    tokenizer.chat_template = chat
    return tokenizer


def tiny_llama(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tiny_tokenizer()),
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=1024,
            bos_token_id=2,
            eos_token_id=1,
            pad_token_id=0,
        )
    )


def tiny_gpt2(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tiny_tokenizer()),
            n_embd=WIDTH,
            n_layer=LAYERS,
            n_head=4,
            n_positions=1024,
            bos_token_id=2,
            eos_token_id=1,
        )
    )


def tiny_roberta(labels: int = 2, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return RobertaForSequenceClassification(
        RobertaConfig(
            vocab_size=len(tiny_tokenizer()),
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            max_position_embeddings=600,
            num_labels=labels,
            pad_token_id=0,
            bos_token_id=2,
            eos_token_id=1,
        )
    )


def spelling(count: int) -> Sequence[Record]:
    """Rows that a tiny model can learn by heart."""
    return [Record("Spell it.", " ".join(f"w{number}"), f"w{number}") for number in range(count)]


def talk() -> Record:
    return Record(
        instruction="And Goodbye?",
        input="In Spanish.",
        output="Adiós.",
        system="You are brief.",
        history=(Exchange("Say Hello in French.", "Bonjour."), Exchange("In Italian?", "Ciao.")),
    )
