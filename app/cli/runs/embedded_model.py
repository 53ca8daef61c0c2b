"""Options of a run for the embedded model: 135 million parameters on a few cores.

Only `seedbed run` applies them; they are stored in the options of the run.
"""

from collections.abc import Mapping

from app.settings import EMBEDDED_MODEL

_INSTANCES = {
    # At temperature 0 it repeats itself up to the length limit, or repeats the input.
    "temperature": 0.3,
    "frequency_penalty": 0.6,
    # Two cores generate some 60 tokens a second, over all calls.
    "max_tokens": 160,
}
EMBEDDED_OPTIONS: Mapping[str, object] = {
    "tasks_per_request": 4,
    "instances_per_instruction": 1,
    "lookahead": 4,
    "sampling": {
        "generate": {"temperature": 0.9, "presence_penalty": 0.5, "max_tokens": 200},
        "input_first": _INSTANCES,
        "output_first": _INSTANCES,
    },
}


def with_embedded_options(
    options: Mapping[str, object], service_model: str | None
) -> Mapping[str, object]:
    """Add the options for the embedded model, when that will answer; given options win.

    Args:
        options: the options that were given.
        service_model: default model of the service; None when that is not known.
    """
    model = options.get("model", service_model)
    if model != EMBEDDED_MODEL or options.get("profile", "default") != "default":
        return options
    return _merged(EMBEDDED_OPTIONS, options)


def _merged(below: Mapping[str, object], above: Mapping[str, object]) -> Mapping[str, object]:
    merged = {**below, **above}
    for name, value in above.items():
        under = below.get(name)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            merged[name] = _merged(under, value)
    return merged
