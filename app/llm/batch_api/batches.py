"""Model calls by a provider's Batch API: sent as one file, answered within a day, at a lower price.

Nothing is remembered here. `submit` finds again what it made under the name its caller gave it;
from then on everything goes by the provider's own id. No method changes what an earlier call of it
has brought about, so each may be repeated after any failure or crash.
"""

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

import openai

from app.errors import Conflict, ItemError, Outage, ProviderError, RunError, Throttled
from app.llm.batch_api.connection import BatchConnection
from app.llm.batch_api.lines import Endpoint, Named, endpoint_of, read_line, request_line
from app.llm.classify_errors import Failure
from app.llm.parse_errors import OTHER_NAME, wants_other_name
from app.llm.provider_text import shorten, storable
from app.llm.replies import JsonObject
from app.llm.request_body import LengthName
from app.pipeline.types import Completion

LABEL = "seedbed_batch"
"""The metadata under which the provider keeps our name of a batch."""
PAGE = 100
"""Batches asked for at a time; the most the API gives."""
MOST_ERRORS = 20
"""Of a batch that failed, so many are told."""

Stray: TypeAlias = Literal["unreadable", "unknown", "repeated"]
_ENDED = ("failed", "completed", "expired", "cancelled", "canceled")


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """Where a batch stands."""

    state: Literal["working", "ended"]
    """Ended is final: what there is can be collected, after a failure nothing."""
    said: str
    """The provider's own word, such as ``in_progress`` or ``expired``."""
    total: int
    """Requests; this and the next two by the provider's count, 0 where it does not say."""
    completed: int
    failed: int
    errors: tuple[str, ...] = ()
    """What the provider found wrong with the whole batch, in its own words."""
    trouble: ProviderError | None = None
    """Why a failed batch failed: `Throttled` and `Outage` may be sent again under another name,
    `ItemError` is to be asked by ordinary calls, `RunError` waits for a person."""


@dataclass(frozen=True, slots=True)
class Collected:
    """One line of a batch's output."""

    custom_id: str
    """The request it answers; empty where the line does not say."""
    answer: Completion | ProviderError
    """`Throttled` is a request that was never asked: expired, cancelled, or turned away."""
    stray: Stray | None = None
    """Why the line answers nothing that is open: no such line may be recorded as an answer."""


class BatchEndpoint:
    """The Batch API of one endpoint, for one model; `base_url` ends in ``/v1``.

    `length_name` is what an earlier one has learned, see there. One thread uses it at a time; make
    it after a fork. `ConfigurationError` when `base_url` or `api_key` cannot be sent at all. All
    methods raise `ProviderError` of the kind that `batch_trouble` names.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        model: str,
        timeout_s: float,
        length_name: LengthName | None = None,
    ) -> None:
        self._model = model
        self._length_name = length_name
        self._connection = BatchConnection(base_url, api_key, timeout_s)
        self._api = self._connection.client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    @property
    def length_name(self) -> LengthName | None:
        """What the endpoint calls the bound of an answer; None until a refusal has taught it.

        Reasoning models refuse ``max_tokens``, in a batch line by line. Keep it with the run: the
        one who submits next then need not learn it by another batch.
        """
        return self._length_name

    def submit(self, batch_id: str, requests: Sequence[Named]) -> str:
        """Send requests as one batch named `batch_id`; returns the provider's id of it.

        Called again with the same name, after a failure or a crash at any point, it returns the
        batch that was made before, whatever has become of it: a new attempt wants a new name. A
        crash between the upload and the creation leaves an unused file with the provider, who
        charges nothing for it and lets it expire. Two batches, both paid, are possible in two
        cases only: the creation was sent, no answer came, and the provider lists the batch later
        than the next `submit` looks (after an `Outage` let `timeout_s` pass before it does); or two
        processes submit the same name at the same moment, against which the caller has its lease.

        `ValueError` unless all requests ask the same endpoint; the bounds of `batch_lines.split`
        are the caller's to keep.
        """
        endpoint = endpoint_of(requests)
        found = self.find(batch_id)
        if found is None:
            file_id = self._upload(batch_id, requests)
            # Another may have taken over in the minutes that an upload takes.
            found = self.find(batch_id) or self._create(batch_id, endpoint, file_id)
        return found

    def find(self, batch_id: str) -> str | None:
        """The provider's id of the batch that was submitted as `batch_id`; None if none was."""
        seen: set[str] = set()
        after: str | openai.Omit = openai.omit
        while True:
            call = self._api.batches.with_streaming_response.list(limit=PAGE, after=after)
            page = self._connection.ask("batch API", call)
            data = page.get("data")
            batches = (
                [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
            )
            for batch in batches:
                if _object(batch.get("metadata")).get(LABEL) == batch_id:
                    return _id_of(batch)
            new = {_id_of(batch) for batch in batches} - seen
            # An endpoint that does not know `after` gives its first page for ever.
            if not new or page.get("has_more") is False:
                return None
            seen |= new
            after = _id_of(batches[-1])

    def status(self, provider_id: str) -> BatchStatus:
        """Where the batch stands."""
        return self._status_of(self._batch(provider_id))

    def cancel(self, provider_id: str) -> BatchStatus:
        """Have no more of it asked; what was answered until then is paid for, and to be collected.

        It takes the provider up to ten minutes. Nothing happens to a batch that has ended.
        """
        call = self._api.batches.with_streaming_response.cancel(provider_id)
        try:
            return self._status_of(self._connection.ask("batch", call))
        except (RunError, Outage):
            # How one that has ended is refused differs from provider to provider.
            status = self.status(provider_id)
            if status.state == "working" and status.said != "cancelling":
                raise
            return status

    def collect(
        self, provider_id: str, asked: Collection[str] | None = None
    ) -> Iterator[Collected]:
        """Every line of an ended batch's output and error files, as they come, one in memory.

        In no order. What of `asked` no line names was not answered. Without `asked` no line is
        taken for unknown. Cut off on the way it raises, and begins at the first line when called
        again; `Conflict` while the batch has not ended.
        """
        batch = self._batch(provider_id)
        status = self._status_of(batch)
        if status.state != "ended":
            raise Conflict(f"The batch {provider_id} has not ended yet, it is {status.said}.")
        # OpenAI leaves them out, others have an empty string.
        named = (batch.get("output_file_id"), batch.get("error_file_id"))
        files = [one for one in named if isinstance(one, str) and one]
        if not files and status.completed:
            raise Outage(
                f"The endpoint answered {status.completed} requests; no file has them yet."
            )
        return self._read(files, asked)

    def _read(self, files: Sequence[str], asked: Collection[str] | None) -> Iterator[Collected]:
        seen: set[str] = set()
        for file_id in files:
            for line in self._connection.lines(file_id):
                custom_id, found = read_line(line, self._model)
                answer = found if isinstance(found, Completion) else self._trouble(found)
                stray: Stray | None = None
                if not custom_id:
                    stray = "unreadable"
                elif asked is not None and custom_id not in asked:
                    stray = "unknown"
                elif custom_id in seen:
                    stray = "repeated"
                else:
                    seen.add(custom_id)
                yield Collected(storable(custom_id), answer, stray)

    def _trouble(self, found: Failure | ItemError) -> ProviderError:
        if isinstance(found, ItemError):
            # Made anew: the one that was caught holds the whole line.
            told = ItemError(self._connection.scrubbed(str(found)))
            # It was answered, only not with what was asked for.
            told.may_be_paid = True
            return told
        refused = _refused_name(found)
        if refused is None or refused == self._length_name:
            return self._connection.trouble(found)
        self._length_name = OTHER_NAME[refused]
        return Throttled(f"The endpoint does not take {refused}, but {self._length_name}.")

    def _upload(self, batch_id: str, requests: Sequence[Named]) -> str:
        name = self._length_name or "max_tokens"
        with tempfile.TemporaryFile() as file:
            for custom_id, request in requests:
                file.write(request_line(custom_id, request, self._model, name))
            file.seek(0)
            content = (f"{batch_id}.jsonl", file, "application/jsonl")
            call = self._api.files.with_streaming_response.create(file=content, purpose="batch")
            return _id_of(self._connection.ask("batch API", call))

    def _create(self, batch_id: str, endpoint: Endpoint, file_id: str) -> str:
        call = self._api.batches.with_streaming_response.create(
            completion_window="24h",
            endpoint=endpoint,
            input_file_id=file_id,
            metadata={LABEL: batch_id},
        )
        return _id_of(self._connection.ask("batch API", call))

    def _batch(self, provider_id: str) -> JsonObject:
        call = self._api.batches.with_streaming_response.retrieve(provider_id)
        return self._connection.ask("batch", call)

    def _status_of(self, batch: JsonObject) -> BatchStatus:
        said = shorten(str(batch.get("status", ""))).lower()
        data = _object(batch.get("errors")).get("data")
        errors = [_object(one) for one in data[:MOST_ERRORS]] if isinstance(data, list) else []
        words = tuple(shorten(self._connection.scrubbed(_words(error))) for error in errors)
        counts = _object(batch.get("request_counts"))
        total, completed, failed = (_count(counts.get(n)) for n in ("total", "completed", "failed"))
        trouble = None
        if said == "failed":
            code = str(errors[0].get("code") or "").lower() if errors else ""
            told = "; ".join(words) or "The batch failed."
            trouble = self._connection.trouble(
                Failure("status", told, code=code, about="failed batch")
            )
        state: Literal["working", "ended"] = "ended" if said in _ENDED else "working"
        return BatchStatus(state, said, total, completed, failed, words, trouble)


def _refused_name(failure: Failure) -> LengthName | None:
    """The name of the length's bound that a line was refused for; None where it was not that."""
    refused = [name for name in OTHER_NAME if wants_other_name(failure, name)]
    # Words that name both say first what is wrong, then what is right.
    refused.sort(key=lambda name: (failure.param != name, failure.words.find(name)))
    return refused[0] if refused else None


def _words(error: JsonObject) -> str:
    line, code = error.get("line"), error.get("code")
    said = str(error.get("message") or "no reason given")
    return (f"line {line}: " if line is not None else "") + said + (f" ({code})" if code else "")


def _id_of(found: Mapping[str, object]) -> str:
    """An id as the provider gave it; `Outage` where it gave none: what it did is not known."""
    identifier = found.get("id")
    if not isinstance(identifier, str) or not identifier:
        raise Outage("The endpoint answered without an id.")
    return identifier


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
