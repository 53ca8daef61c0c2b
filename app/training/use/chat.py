"""A tuned model that is talked to: one answer at a time, piece by piece, tuned or as it was."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import torch
from transformers import LogitsProcessorList, StoppingCriteriaList

from app.record import Record
from app.training.model.base_models import BaseModel, Place, load_to_answer
from app.training.plain.encoding import encode_prompt
from app.training.plain.library_types import Model, Tokenizer
from app.training.plain.options import DataOptions, TrainingOptions
from app.training.plain.sampling import Manner, Piece, Unfolding
from app.training.publish.adapter_folder import check_sums, with_adapter
from app.training.use.generating import context_of, ends_of, generated

Voice = Callable[[], AbstractContextManager[Model]]
"""Gives the model to generate with, in the state that it is to generate in."""
_USUAL_CONTEXT = 2048
"""Where a model does not say how many tokens it knows the places of."""


class Talker:
    """A tuned model and its base model; any number of threads may ask, they are served in turn."""

    def __init__(
        self, tokenizer: Tokenizer, context: int, ends: Sequence[int], tuned: Voice, base: Voice
    ) -> None:
        self.context = context
        """The most tokens of prompt and answer together."""
        self._tokenizer = tokenizer
        # Those of the base model are those of the tuned one.
        self._ends = list(ends)
        # It holds the ways to tokenize as its state, and two threads would mix them.
        self._tokenizing = threading.Lock()
        self._voices = {True: tuned, False: base}
        self._alone = ThreadPoolExecutor(1, "talker")
        self._closed = threading.Event()

    def prompt(self, record: Record, data: DataOptions) -> tuple[int, ...]:
        """Put a row as in tuning, to be answered.

        Raises:
            InvalidInput: when the chat template does not take it.
        """
        with self._tokenizing:
            return encode_prompt(record, self._tokenizer, data)

    def talk(
        self, prompt: Sequence[int], most_tokens: int, manner: Manner, *, tuned: bool
    ) -> Generator[Piece, None, None]:
        """Answer a prompt; closing the iterator ends the answer."""
        heard: SimpleQueue[int | None] = SimpleQueue()
        halted = threading.Event()
        watch = _Watch(heard, lambda: halted.is_set() or self._closed.is_set())
        work = self._alone.submit(
            self._generate, self._voices[tuned], prompt, most_tokens, manner, watch
        )
        work.add_done_callback(lambda _: heard.put(None))
        ids: list[int] = []
        unfolding = Unfolding(manner.stop)
        text = ""
        try:
            while not unfolding.stopped and (token := heard.get()) is not None:
                ids.append(token)
                with self._tokenizing:
                    text = self._tokenizer.decode(ids, skip_special_tokens=True)
                if new := unfolding.grown(text):
                    yield Piece(new)
        finally:
            halted.set()
            work.cancel()
        if not unfolding.stopped:
            # Whatever went wrong in there is told here.
            work.result()
        ended = unfolding.stopped or (bool(ids) and ids[-1] in self._ends)
        yield Piece(unfolding.ended(text), "stop" if ended else "length", len(ids))

    def close(self) -> None:
        """End the answer under way; nothing can be asked afterwards."""
        self._closed.set()
        self._alone.shutdown(cancel_futures=True)

    def _generate(
        self,
        voice: Voice,
        prompt: Sequence[int],
        most_tokens: int,
        manner: Manner,
        watch: "_Watch",
    ) -> None:
        if manner.seed is None:
            torch.seed()
        else:
            torch.manual_seed(manner.seed % 2**63)
        with voice() as model:
            ids = torch.tensor([list(prompt)], device=next(model.parameters()).device)
            generated(
                model,
                ids,
                torch.ones_like(ids),
                max_new_tokens=most_tokens,
                eos_token_id=self._ends,
                pad_token_id=self._tokenizer.pad_token_id,
                streamer=watch,
                stopping_criteria=StoppingCriteriaList([watch.is_over]),
                **_choice(manner, len(prompt)),
            )


class _Watch:
    """Hears the tokens as they are made, and says whether to go on."""

    def __init__(self, heard: "SimpleQueue[int | None]", stop: Callable[[], bool]) -> None:
        self._heard = heard
        self._stop = stop
        self._prompt_came = False

    def put(self, tokens: torch.Tensor) -> None:
        # The prompt comes first.
        if self._prompt_came:
            self._heard.put(int(tokens.flatten()[-1]))
        self._prompt_came = True

    def end(self) -> None:
        """Nothing to do: the end of the work is told whether it ends well or not."""

    def is_over(self, ids: torch.Tensor, _scores: object, **_: object) -> torch.Tensor:
        return torch.full((ids.shape[0],), self._stop(), device=ids.device, dtype=torch.bool)


def _choice(manner: Manner, prompt_tokens: int) -> dict[str, Any]:
    """The manner as transformers has it; `Any` as its arguments are of many types."""
    if manner.presence_penalty or manner.frequency_penalty:
        penalties = LogitsProcessorList([_penalties(manner, prompt_tokens)])
    else:
        penalties = LogitsProcessorList()
    if manner.temperature == 0:
        return {"do_sample": False, "logits_processor": penalties}
    # What the model's own description says of sampling was meant for others.
    sampling = {"temperature": manner.temperature, "top_p": manner.top_p, "top_k": 0}
    return {"do_sample": True, "logits_processor": penalties, **sampling}


def _penalties(
    manner: Manner, prompt_tokens: int
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    def penalised(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        said = ids[:, prompt_tokens:]
        counts = torch.zeros_like(scores).scatter_add_(
            1, said, torch.ones_like(said, dtype=scores.dtype)
        )
        present = (counts > 0).to(scores.dtype)
        return scores - manner.frequency_penalty * counts - manner.presence_penalty * present

    return penalised


def load_talker(folder: Path, options: TrainingOptions, models: Path, place: Place) -> Talker:
    """Load what was tuned, an adapter or whole weights, to talk to it and to its base model.

    Args:
        folder: What tuning made, or what its adapter was merged into.
        options: How it was tuned.
        models: Folder that keeps the embedded model as torch reads it.
        place: Where it is to be computed.

    Raises:
        InvalidInput: when the folder is damaged, or its base model is not to be had.
        MemoryTooSmall: when it does not fit.
        OutOfSpace: when the disk is too full to keep the embedded model.
    """

    @cache
    def base() -> BaseModel:
        return load_to_answer(options.base_model, models, place)

    if (folder / "adapter_config.json").exists():
        adapted = with_adapter(base().model, folder)
        context, ends = context_of(adapted), ends_of(adapted, base().tokenizer)
        steady = _steady(lambda: adapted)
        return Talker(base().tokenizer, context or _USUAL_CONTEXT, ends, steady, _bare(adapted))
    check_sums(folder)
    whole = load_to_answer(str(folder), models, place)
    context, ends = context_of(whole.model), ends_of(whole.model, whole.tokenizer)
    tuned = _steady(lambda: whole.model)
    # The base model only once it is asked: it takes as much memory again.
    untuned = _steady(lambda: base().model)
    return Talker(whole.tokenizer, context or _USUAL_CONTEXT, ends, tuned, untuned)


def _steady(model: Callable[[], Model]) -> Voice:
    return lambda: nullcontext(model())


def _bare(adapted: Model) -> Voice:
    """The base model below an adapter."""

    @contextmanager
    def voice() -> Iterator[Model]:
        with adapted.disable_adapter():
            yield adapted.get_base_model()

    return voice
