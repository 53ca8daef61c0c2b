"""Who does a training job: this worker with the training extra, or somebody elsewhere."""

import importlib
import os
from collections.abc import Callable, Mapping
from typing import cast

from app.errors import ConfigurationError
from app.services.context import ServiceContext
from app.services.training.contract import Trainer, TrainingWork
from app.services.training.trainers.external_config import (
    write_for_axolotl,
    write_for_llama_factory,
)
from app.services.training.trainers.webhook import WebhookTrainer

_TRAINER_MODULE = "app.services.training.trainers.local"
"""Its function `carry_out` is a `Trainer`; it imports torch."""


def trainer_for(context: ServiceContext, work: TrainingWork) -> Trainer:
    """Choose by the option `where`, which an evaluation does not have: that is done here.

    Raises:
        ConfigurationError: when it is to be done here, and this worker lacks the extra.
    """
    return _TRAINERS[work.options.get("where", "here")](context)


def _installed(_: ServiceContext) -> Trainer:
    # Read once, when torch loads OpenMP. Its threads spin while they wait for each other, and where
    # anything else wants the cores, a step then takes up to ten times as long. To sleep at once
    # costs a tenth and more where nothing does; to spin shortly, a twentieth.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        module = importlib.import_module(_TRAINER_MODULE)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"This worker cannot train, it lacks {error.name}: install seedbed[training] there, "
            "and resume the job."
        ) from error
    # Looked up by name, because services must not depend on an extra.
    return cast("Trainer", module.carry_out)


_TRAINERS: Mapping[str, Callable[[ServiceContext], Trainer]] = {
    "here": _installed,
    "llama_factory": lambda _: write_for_llama_factory,
    "axolotl": lambda _: write_for_axolotl,
    "webhook": WebhookTrainer,
}
