"""The choice of a trainer for a job."""

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
"""Its function `run_job` is a `Trainer`; it imports torch."""


def trainer_for(context: ServiceContext, work: TrainingWork) -> Trainer:
    """Choose by the option `where`; an evaluation has no such option and runs here.

    Raises:
        ConfigurationError: the job must run here, and this worker lacks the training extra.
    """
    return _TRAINERS[work.options.get("where", "here")](context)


def _local_trainer(_: ServiceContext) -> Trainer:
    # Read once, when torch loads OpenMP. Its threads spin while they wait for each other; where
    # other processes need the cores, that makes a step up to ten times slower. Sleeping at once
    # costs a tenth and more on an idle machine, a short spin a twentieth.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        module = importlib.import_module(_TRAINER_MODULE)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"This worker cannot train, {error.name} is missing: install seedbed[training] there, "
            "and resume the job."
        ) from error
    # Imported by name, because services must not depend on an extra.
    return cast("Trainer", module.run_job)


_TRAINERS: Mapping[str, Callable[[ServiceContext], Trainer]] = {
    "here": _local_trainer,
    "llama_factory": lambda _: write_for_llama_factory,
    "axolotl": lambda _: write_for_axolotl,
    "webhook": WebhookTrainer,
}
