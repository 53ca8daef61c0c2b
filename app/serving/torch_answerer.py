"""Answers by torch, for every method and model that transformers loads; one at a time.

It needs the extra ``training``, so `app.serving.open_answerer` imports it by name.
"""

from app.errors import Fault, InvalidInput
from app.serving.answerer import AnswerStream, Question, answer_limit
from app.serving.tuned_model import TunedModel
from app.training.model.device import default_device
from app.training.plain.option_groups import DataOptions
from app.training.use.chat import ChatModel, load_chat_model

_CANNOT = "needs llama.cpp, which serves lora, rslora and qlora adapters of the embedded model"


class TorchAnswerer:
    """An `app.serving.answerer.Answerer`; no question is accepted after `close`."""

    def __init__(self, chat_model: ChatModel, data: DataOptions) -> None:
        self._talker = chat_model
        self._data = data

    def answer(self, question: Question) -> AnswerStream:
        """Start an answer, once all earlier questions are answered."""
        unsupported = {
            "response_format": question.schema is not None,
            "logprobs": question.top_logprobs is not None,
        }
        faults = [
            Fault(_CANNOT, field=field) for field, is_asked in unsupported.items() if is_asked
        ]
        if faults:
            raise InvalidInput(f"The torch engine does not support this: {faults[0]}.", faults)
        prompt = self._talker.prompt(question.record, self._data)
        max_tokens = answer_limit(len(prompt), self._talker.context, question.max_tokens)
        chunks = self._talker.generate_chunks(
            prompt, max_tokens, question.sampling, tuned=question.tuned
        )
        return AnswerStream(len(prompt), chunks)

    def check(self) -> None:
        """Do nothing: the model lives in this process."""

    def close(self) -> None:
        """Stop the answer in progress."""
        self._talker.close()


def load(tuned: TunedModel) -> TorchAnswerer:
    """Load a tuned model.

    Raises:
        InvalidInput: the model is damaged, or its base model cannot be loaded.
        MemoryTooSmall: the model does not fit.
    """
    chat_model = load_chat_model(tuned.folder, tuned.options, tuned.models_folder, default_device())
    return TorchAnswerer(chat_model, tuned.options.data)
