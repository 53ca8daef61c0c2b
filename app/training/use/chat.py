"""Chat with a tuned model and its base model, one answer at a time, as a stream of chunks."""

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

from app.dataset_row import Record
from app.training.model.base_models import BaseModel, load_for_inference
from app.training.model.device import Device
from app.training.plain.encoding import encode_prompt
from app.training.plain.library_types import Model, Tokenizer
from app.training.plain.option_groups import DataOptions
from app.training.plain.options import TrainingOptions
from app.training.plain.sampling_options import AnswerChunk, SamplingOptions, StopTextFilter
from app.training.publish.adapter_folder import load_adapter, verify_checksums
from app.training.use.generate import context_length, end_tokens, generate

ModelContext = Callable[[], AbstractContextManager[Model]]
"""Opens a context with the model in the state to generate with."""
_USUAL_CONTEXT = 2048
"""Context length in tokens, when the model does not state one."""


class ChatModel:
    """A tuned model and its base model; threads may share it, requests are answered in turn."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        context: int,
        ends: Sequence[int],
        tuned: ModelContext,
        base: ModelContext,
    ) -> None:
        self.context = context
        """Largest number of tokens of prompt and answer together."""
        self._tokenizer = tokenizer
        # Base and tuned model share them.
        self._ends = list(ends)
        # A tokenizer keeps its settings as state, which two threads would mix.
        self._tokenizing = threading.Lock()
        self._models = {True: tuned, False: base}
        self._executor = ThreadPoolExecutor(1, "chat")
        self._closed = threading.Event()

    def prompt(self, record: Record, data: DataOptions) -> tuple[int, ...]:
        """Tokenize a row as in training, up to its answer.

        Raises:
            InvalidInput: the chat template rejects it.
        """
        with self._tokenizing:
            return encode_prompt(record, self._tokenizer, data)

    def generate_chunks(
        self, prompt: Sequence[int], max_tokens: int, sampling: SamplingOptions, *, tuned: bool
    ) -> Generator[AnswerChunk, None, None]:
        """Yield the answer to a prompt; closing the iterator stops the generation."""
        tokens: SimpleQueue[int | None] = SimpleQueue()
        stopped = threading.Event()
        stream = _TokenStream(tokens, lambda: stopped.is_set() or self._closed.is_set())
        work = self._executor.submit(
            self._generate, self._models[tuned], prompt, max_tokens, sampling, stream
        )
        work.add_done_callback(lambda _: tokens.put(None))
        ids: list[int] = []
        stop_filter = StopTextFilter(sampling.stop)
        text = ""
        try:
            while not stop_filter.stopped and (token := tokens.get()) is not None:
                ids.append(token)
                with self._tokenizing:
                    text = self._tokenizer.decode(ids, skip_special_tokens=True)
                if new := stop_filter.feed(text):
                    yield AnswerChunk(new)
        finally:
            stopped.set()
            work.cancel()
        if not stop_filter.stopped:
            # Raises the error of the generation, if any.
            work.result()
        ended = stop_filter.stopped or (bool(ids) and ids[-1] in self._ends)
        yield AnswerChunk(stop_filter.finish(text), "stop" if ended else "length", len(ids))

    def close(self) -> None:
        """Stop the answer in progress; no request is accepted afterwards."""
        self._closed.set()
        self._executor.shutdown(cancel_futures=True)

    def _generate(
        self,
        open_model: ModelContext,
        prompt: Sequence[int],
        max_tokens: int,
        sampling: SamplingOptions,
        stream: "_TokenStream",
    ) -> None:
        if sampling.seed is None:
            torch.seed()
        else:
            torch.manual_seed(sampling.seed % 2**63)
        with open_model() as model:
            ids = torch.tensor([list(prompt)], device=next(model.parameters()).device)
            generate(
                model,
                ids,
                torch.ones_like(ids),
                max_new_tokens=max_tokens,
                eos_token_id=self._ends,
                pad_token_id=self._tokenizer.pad_token_id,
                streamer=stream,
                stopping_criteria=StoppingCriteriaList([stream.is_over]),
                **_generation_arguments(sampling, len(prompt)),
            )


class _TokenStream:
    """Receives tokens during generation, and stops it on request."""

    def __init__(self, tokens: "SimpleQueue[int | None]", stop: Callable[[], bool]) -> None:
        self._tokens = tokens
        self._stop = stop
        self._prompt_came = False

    def put(self, tokens: torch.Tensor) -> None:
        # The first call passes the prompt.
        if self._prompt_came:
            self._tokens.put(int(tokens.flatten()[-1]))
        self._prompt_came = True

    def end(self) -> None:
        """Do nothing: the future reports the end, also after an error."""

    def is_over(self, ids: torch.Tensor, _scores: object, **_: object) -> torch.Tensor:
        return torch.full((ids.shape[0],), self._stop(), device=ids.device, dtype=torch.bool)


def _generation_arguments(sampling: SamplingOptions, prompt_tokens: int) -> dict[str, Any]:
    """Return the sampling options as arguments of transformers; `Any` because their types vary."""
    if sampling.presence_penalty or sampling.frequency_penalty:
        penalties = LogitsProcessorList([_penalties(sampling, prompt_tokens)])
    else:
        penalties = LogitsProcessorList()
    if sampling.temperature == 0:
        return {"do_sample": False, "logits_processor": penalties}
    # Override the sampling defaults in the configuration of the model.
    settings = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
    return {"do_sample": True, "logits_processor": penalties, **settings}


def _penalties(
    sampling: SamplingOptions, prompt_tokens: int
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    def penalised(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        generated = ids[:, prompt_tokens:]
        counts = torch.zeros_like(scores).scatter_add_(
            1, generated, torch.ones_like(generated, dtype=scores.dtype)
        )
        present = (counts > 0).to(scores.dtype)
        return scores - sampling.frequency_penalty * counts - sampling.presence_penalty * present

    return penalised


def load_chat_model(
    folder: Path, options: TrainingOptions, models: Path, device: Device
) -> ChatModel:
    """Load a tuned model, adapter or full weights, together with its base model.

    Args:
        folder: Output folder of a training, or merged weights.
        options: Its training options.
        models: Folder for the embedded model in the format of transformers.
        device: Device to run on.

    Raises:
        InvalidInput: the folder is damaged, or the base model cannot be loaded.
        MemoryTooSmall: the model does not fit.
        OutOfSpace: the disk is too full to write the embedded model.
    """

    @cache
    def base() -> BaseModel:
        return load_for_inference(options.base_model, models, device)

    if (folder / "adapter_config.json").exists():
        adapted = load_adapter(base().model, folder)
        context, ends = context_length(adapted), end_tokens(adapted, base().tokenizer)
        steady = _constant_context(lambda: adapted)
        return ChatModel(
            base().tokenizer, context or _USUAL_CONTEXT, ends, steady, _base_context(adapted)
        )
    verify_checksums(folder)
    whole = load_for_inference(str(folder), models, device)
    context, ends = context_length(whole.model), end_tokens(whole.model, whole.tokenizer)
    tuned = _constant_context(lambda: whole.model)
    # The base model takes as much memory again, so it is loaded on the first request only.
    untuned = _constant_context(lambda: base().model)
    return ChatModel(whole.tokenizer, context or _USUAL_CONTEXT, ends, tuned, untuned)


def _constant_context(model: Callable[[], Model]) -> ModelContext:
    return lambda: nullcontext(model())


def _base_context(adapted: Model) -> ModelContext:
    """Return a context with the base model below an adapter."""

    @contextmanager
    def open_model() -> Iterator[Model]:
        with adapted.disable_adapter():
            yield adapted.get_base_model()

    return open_model
