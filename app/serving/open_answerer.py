"""The choice of an engine for a tuned model, and its start."""

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast

from app.errors import ConfigurationError, InvalidInput
from app.serving.answerer import Answerer, ClosingAnswerer
from app.serving.llama_answerer import LlamaAnswerer
from app.serving.tuned_model import TunedModel
from app.stack.ports import free_port
from app.stack.process_specs import Environment, model_spec
from app.stack.supervisor import Supervisor
from app.training.plain.options import EMBEDDED

Engine: TypeAlias = Literal["auto", "llama.cpp", "torch"]
_LOOPBACK = "127.0.0.1"
_TORCH_MODULE = "app.serving.torch_answerer"
"""Its function `load` returns a closing answerer; it imports torch."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Resources for serving a model."""

    environment: Environment
    """Environment of the started processes."""
    log_dir: Path
    slots: int = 4
    """Answers at the same time, with llama.cpp."""


def choose_engine(tuned: TunedModel, engine: Engine) -> Literal["llama.cpp", "torch"]:
    """Choose llama.cpp when it can serve the model, unless torch is requested.

    Raises:
        InvalidInput: llama.cpp is requested and cannot serve the model.
    """
    why_not = _why_not_llama(tuned)
    if engine == "llama.cpp" and why_not:
        raise InvalidInput(f"llama.cpp cannot serve {tuned.name}: {why_not}.")
    return "torch" if engine == "torch" or why_not else "llama.cpp"


def _why_not_llama(tuned: TunedModel) -> str | None:
    if tuned.gguf is None:
        return f"there is no adapter.gguf, and the method is {tuned.options.method.name}"
    if tuned.options.base_model != EMBEDDED:
        return f"its base model {tuned.options.base_model} is not the embedded one"
    if importlib.util.find_spec("xllamacpp") is None:
        return "xllamacpp is not installed (pip install 'seedbed[embedded]')"
    return None


@contextmanager
def open_answerer(tuned: TunedModel, engine: Engine, machine: Machine) -> Iterator[Answerer]:
    """Load a tuned model, and release it afterwards. Must be entered in the main thread.

    Raises:
        ConfigurationError: an extra is missing; the message names it.
        InvalidInput: the model is damaged, or the engine cannot serve it.
        StackError: the model server does not start.
    """
    if choose_engine(tuned, engine) == "torch":
        with closing(_by_torch(tuned)) as answerer:
            yield answerer
        return
    with Supervisor(machine.log_dir) as supervisor:
        port = free_port(_LOOPBACK)
        supervisor.start(model_spec(port, machine.slots, machine.environment, tuned.gguf))
        url = f"http://{_LOOPBACK}:{port}"
        with closing(LlamaAnswerer(url, tuned, supervisor.check)) as answerer:
            yield answerer


def _by_torch(tuned: TunedModel) -> ClosingAnswerer:
    try:
        module = importlib.import_module(_TORCH_MODULE)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{tuned.name} needs torch ({_why_not_llama(tuned) or 'as requested'}), but "
            f"{error.name} is missing: pip install 'seedbed[training]'."
        ) from error
    # Imported by name, because serving must not depend on an extra.
    load = cast("Callable[[TunedModel], ClosingAnswerer]", module.load)
    return load(tuned)
