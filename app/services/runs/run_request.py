"""Requests for runs: their content, their hash, and the checks that need no database."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from app.errors import Fault, InvalidInput
from app.later_options import later_options
from app.llm.prices import check_priced
from app.pipeline.budget import NO_CAPS, Caps
from app.pipeline.options import RunOptions
from app.pipeline.types import SeedTask
from app.services.context import ServiceContext
from app.services.idempotency import RequestHash, request_hash
from app.services.runs.review_sources import check_source
from app.training.plain.options import is_later_option


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run as requested: seeds, by id or whole, or a data set; options; caps."""

    seed_set_id: str | None
    seed_tasks: Sequence[SeedTask] | None
    options: RunOptions
    caps: Caps = NO_CAPS
    dataset_id: str | None = None
    """The version to review; then there are no seeds."""

    def hashed(self, training: BaseModel | None = None) -> RequestHash:
        """Hash the request, to tell two of them under one idempotency key apart.

        Args:
            training: the training that was requested with it; None: none was.
        """
        parts = {
            "seed_set_id": self.seed_set_id,
            "seed_tasks": self.seed_tasks,
            "dataset_id": self.dataset_id,
            "options": self.options,
            "caps": None if self.caps == NO_CAPS else self.caps,
            "training": training,
        }
        return request_hash("run", parts, self._legacy_words(training))

    def _legacy_words(self, training: BaseModel | None) -> str:
        words = f"{self.seed_set_id}\n{self.seed_tasks!r}\n{_legacy_options(self.options)}"
        if self.caps != NO_CAPS:
            words += f"\n{self.caps}"
        if self.dataset_id is not None:
            words += f"\n{self.dataset_id}"
        if training is not None:
            later = later_options(training, is_later_option)
            words += f"\n{training.model_dump_json(exclude=later)}"
        return words


def _legacy_options(options: RunOptions) -> str:
    """Dump options as before version 2: an option left out has its default of that time."""
    later = later_options(options, lambda path: path.partition(".")[0] not in _OPTIONS_BEFORE_2)
    most = options.instances_per_instruction or 3
    changed = {"instances_per_instruction": most, "filters": options.filters or ()}
    then = options.model_copy(update=changed)
    return then.model_dump_json(exclude=later)


_OPTIONS_BEFORE_2 = frozenset(
    {
        "profile",
        "model",
        "target",
        "instances_per_instruction",
        "tasks_per_request",
        "demonstrations",
        "sampling",
        "classification_share",
        "language",
        "answer_format",
        "random_seed",
        "lookahead",
        "similarity_threshold",
        "tokenizer",
        "nothing_near",
        "filters",
        "max_attempts",
        "dry_after",
        "workers",
        "reuse_replies",
        "batch",
        "review",
    }
)


def check_request(context: ServiceContext, request: RunRequest) -> str:
    """Check a request as far as that needs no database.

    Returns:
        The name of the model that the run asks.

    Raises:
        InvalidInput: when no model is named anywhere, money is capped without a price, or source
            and profile do not go together.
    """
    check_source(request.options.profile, request.dataset_id)
    model = model_of(context, request.options)
    check_caps(context, model, request.caps)
    return model


def model_of(context: ServiceContext, options: RunOptions) -> str:
    """Return the name of the model that a run with these options asks.

    Raises:
        InvalidInput: when none is named anywhere.
    """
    model = options.model or context.default_model
    if model is None:
        fault = Fault("name a model, or set SEEDBED_MODEL for the service", field="options.model")
        raise InvalidInput("No model is named for the run.", [fault])
    return model


def check_caps(context: ServiceContext, model: str, caps: Caps) -> None:
    """Check that the caps can be kept.

    Raises:
        InvalidInput: when money is capped and the model has no known price.
    """
    if caps.usd is not None:
        check_priced(model, context.prices, "budget.max_cost_usd")
