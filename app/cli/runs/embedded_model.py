"""What a run asks of the embedded model: 135 million parameters on a few cores, not an endpoint.

Applied by `seedbed run` only, and written into the run's options like everything else.
"""

from collections.abc import Mapping

from app.settings import EMBEDDED_MODEL

_INSTANCES = {
    # At temperature 0 it repeats itself up to the length limit, or gives the input back.
    "temperature": 0.3,
    "frequency_penalty": 0.6,
    # Two cores write some 60 tokens a second, all calls together.
    "max_tokens": 160,
}
SUITED_OPTIONS: Mapping[str, object] = {
    "tasks_per_request": 4,
    "instances_per_instruction": 1,
    "lookahead": 4,
    "sampling": {
        "generate": {"temperature": 0.9, "presence_penalty": 0.5, "max_tokens": 200},
        "input_first": _INSTANCES,
        "output_first": _INSTANCES,
    },
}


def suited(options: Mapping[str, object], service_model: str | None) -> Mapping[str, object]:
    """Put the suited options under the given ones where the embedded model is going to answer."""
    asked = options.get("model", service_model)
    if asked != EMBEDDED_MODEL or options.get("profile", "default") != "default":
        return options
    return {**SUITED_OPTIONS, **options}
