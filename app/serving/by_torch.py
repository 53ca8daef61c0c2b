"""Served through torch: every method, every model that transformers loads; one answer at a time.

Looked up by name, see `app.serving.opening`: it needs the extra ``training``.
"""

from app.errors import Fault, InvalidInput
from app.serving.answerer import Answering, Question, room
from app.serving.tuned import TunedModel
from app.training.model.base_models import place_here
from app.training.plain.options import DataOptions
from app.training.use.chat import Talker, load_talker

_CANNOT = "needs llama.cpp, which serves lora, rslora and qlora adapters of the embedded model"


class TorchAnswerer:
    """An `app.serving.answerer.Answerer`; nothing is to be asked after `close`."""

    def __init__(self, talker: Talker, data: DataOptions) -> None:
        self._talker = talker
        self._data = data

    def answer(self, question: Question) -> Answering:
        """Begin to answer, once all asked before are answered."""
        refused = {
            "response_format": question.schema is not None,
            "logprobs": question.top_logprobs is not None,
        }
        faults = [Fault(_CANNOT, field=field) for field, is_asked in refused.items() if is_asked]
        if faults:
            raise InvalidInput(f"This cannot be served: {faults[0]}.", faults)
        prompt = self._talker.prompt(question.record, self._data)
        most = room(len(prompt), self._talker.context, question.most_tokens)
        pieces = self._talker.talk(prompt, most, question.manner, tuned=question.tuned)
        return Answering(len(prompt), pieces)

    def check(self) -> None:
        """It lives in this process, and as long as that."""

    def close(self) -> None:
        """End the answer under way."""
        self._talker.close()


def load(tuned: TunedModel) -> TorchAnswerer:
    """Load a tuned model.

    Raises:
        InvalidInput: when it is damaged, or its base model is not to be had.
        MemoryTooSmall: when it does not fit.
    """
    talker = load_talker(tuned.folder, tuned.options, tuned.models_folder, place_here())
    return TorchAnswerer(talker, tuned.options.data)
