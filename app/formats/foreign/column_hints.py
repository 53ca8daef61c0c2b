"""Column names of other people's files, as a hint which mapping of columns would read them."""

import json
from collections.abc import Iterable, Set

_INSTRUCTIONS = (
    *("instruction", "prompt", "question", "query", "problem", "task", "user", "human"),
    *("request", "instructions", "user_prompt", "q", "input", "inputs", "input_text", "source"),
    "text_input",
    "text",
)
_OUTPUTS = (
    *("output", "response", "answer", "completion", "target", "solution", "reply", "assistant"),
    *("gpt", "bot", "model_answer", "chosen_response", "generation", "outputs", "label_text"),
    *("targets", "answers", "output_text", "a", "chosen"),
)
_INPUTS = ("input", "context", "passage")
_SYSTEMS = ("system", "system_prompt", "system_message")


def columns_hint(there: Set[str]) -> str:
    """Return a mapping that would read a file with these columns, as words; empty: none fits."""
    instruction, output = _first(_INSTRUCTIONS, there), _first(_OUTPUTS, there)
    if instruction is None or output is None or instruction == output:
        return ""
    mapping: dict[str, str | None] = {"instruction": instruction, "output": output}
    left = there - {instruction, output}
    found = _first(_INPUTS, left)
    if found != "input":
        mapping["input"] = found
    system = _first(_SYSTEMS, left)
    if system not in (None, "system"):
        mapping["system"] = system
    own = {name: column for name, column in mapping.items() if name != column}
    return f"; perhaps --columns '{json.dumps(own, ensure_ascii=False)}'" if own else ""


def _first(names: Iterable[str], there: Set[str]) -> str | None:
    plain = {column.strip().lower(): column for column in sorted(there, reverse=True)}
    return next((plain[name] for name in names if name in plain), None)
