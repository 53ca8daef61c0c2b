"""Model calls through a provider's Batch API: sent as one file, answered within a day, cheaper.

The client keeps no state. `submit` finds the batch that it made before under the caller's name; all
other methods take the provider's id. Every method is idempotent, so it can be repeated after any
failure or crash.
"""

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

import openai

from app.errors import Conflict, ItemError, Outage, ProviderError, RunError
from app.llm.batch_api.connection import BatchConnection
from app.llm.batch_api.lines import Endpoint, Named, endpoint_of, read_line, request_line
from app.llm.classify_errors import Failure
from app.llm.dialects.dialect import Dialect, apply
from app.llm.dialects.refusals import lesson_of
from app.llm.dialects.shared import SharedDialect
from app.llm.json_fields import JsonObject
from app.llm.provider_text import shorten, storable
from app.llm.request_body import request_body
from app.pipeline.types import Completion, Request

LABEL = "seedbed_batch"
"""Metadata key under which the provider keeps our name of a batch."""
PAGE = 100
"""Batches listed per request; the API's maximum."""
MAX_ERRORS = 20
"""Most errors reported of a failed batch."""

Stray: TypeAlias = Literal["unreadable", "unknown", "repeated"]
_ENDED = ("failed", "completed", "expired", "cancelled", "canceled")


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """The status of a batch."""

    state: Literal["working", "ended"]
    """``ended`` is final: the answers can be collected; a failed batch has none."""
    said: str
    """The provider's name of the status, such as ``in_progress`` or ``expired``."""
    total: int
    """Requests. This and the next two are the provider's counts; 0 when it gives none."""
    completed: int
    failed: int
    errors: tuple[str, ...] = ()
    """Errors of the whole batch, as the provider words them."""
    trouble: ProviderError | None = None
    """Why the batch failed. `Throttled` and `Outage`: it may be submitted again under another name.
    `ItemError`: send its requests as normal calls. `RunError`: a person has to act."""


@dataclass(frozen=True, slots=True)
class Collected:
    """One line of a batch's output."""

    custom_id: str
    """The request that it answers; empty when the line names none."""
    answer: Completion | ProviderError
    """`Throttled`: the request was never processed (expired, cancelled or rejected)."""
    stray: Stray | None = None
    """Why the line answers no open request; such a line must not be recorded as an answer."""
    refusal: Failure | None = None
    """The refusal of the request, which may teach something: see `BatchEndpoint.learn`."""


class BatchEndpoint:
    """The Batch API of one endpoint, for one model.

    Not thread-safe; create it after a fork. All methods raise the kind of `ProviderError` that
    `BATCH_TABLE` names.

    Args:
        base_url: Ends in ``/v1``.
        api_key: Sent with every request; None: no key.
        model: The model that answers.
        timeout_s: Longest wait for a part of an answer, in seconds.
        dialect: What the endpoint is known to refuse; None: nothing is known.
        extra_headers: Sent with every call; None: none.

    Raises:
        ConfigurationError: `base_url` or `api_key` cannot be sent at all.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        model: str,
        timeout_s: float,
        dialect: SharedDialect | None = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        self._model = model
        self._dialect = SharedDialect() if dialect is None else dialect
        self._connection = BatchConnection(base_url, api_key, timeout_s, extra_headers)
        self._api = self._connection.client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    @property
    def dialect(self) -> Dialect:
        """The refusals known by now; store them with a batch that is submitted."""
        return self._dialect.now

    def learn(self, refusal: Failure, request: Request, spoken: Dialect) -> bool:
        """Learn from the refusal of a line; True when the request can be sent in another way.

        Args:
            refusal: Of the line.
            request: Its request.
            spoken: The dialect that the batch was submitted in.
        """
        _, body = request_body(request, self._model)
        lesson = lesson_of(refusal, apply(body, spoken))
        if lesson is not None:
            self._dialect.add([lesson])
        return lesson is not None

    def trouble_of(self, refusal: Failure, request: Request) -> ProviderError:
        """Classify the refusal of a line: what it quotes of the request is no reason."""
        _, body = request_body(request, self._model)
        return self._connection.trouble(refusal.of_request(body))

    def submit(self, batch_id: str, requests: Sequence[Named]) -> str:
        """Send requests as one batch named `batch_id`, and return the provider's id of it.

        Called again with the same name, after a failure or a crash at any point, it returns the
        batch that was made before, also when that has failed: a new attempt needs a new name. A
        crash between upload and creation leaves an unused file at the provider, which costs nothing
        and expires. Two batches, both paid, are possible in two cases only:

        - The creation was sent, no answer came, and the provider lists the batch later than the
          next `submit` looks for it. After an `Outage`, wait `timeout_s` before the next one.
        - Two processes submit the same name at the same moment. The caller's lease prevents it.

        The caller keeps to the limits of `lines.split`.

        Raises:
            ValueError: The requests are for different endpoints, or there are none.
        """
        endpoint = endpoint_of(requests)
        found = self.find(batch_id)
        if found is None:
            file_id = self._upload(batch_id, requests)
            # Another may have taken over in the minutes that an upload takes.
            found = self.find(batch_id) or self._create(batch_id, endpoint, file_id)
        return found

    def find(self, batch_id: str) -> str | None:
        """Return the provider's id of the batch submitted as `batch_id`; None: there is none."""
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
            # An endpoint that ignores `after` returns its first page every time.
            if not new or page.get("has_more") is False:
                return None
            seen |= new
            after = _id_of(batches[-1])

    def status(self, provider_id: str) -> BatchStatus:
        """Return the status of the batch."""
        return self._status_of(self._batch(provider_id))

    def cancel(self, provider_id: str) -> BatchStatus:
        """Cancel the batch; requests answered until then are charged and can be collected.

        It takes the provider up to ten minutes. A batch that has ended stays as it is.
        """
        call = self._api.batches.with_streaming_response.cancel(provider_id)
        try:
            return self._status_of(self._connection.ask("batch", call))
        except (RunError, Outage):
            # Providers refuse to cancel an ended batch in different ways.
            status = self.status(provider_id)
            if status.state == "working" and status.said != "cancelling":
                raise
            return status

    def collect(
        self, provider_id: str, asked: Collection[str] | None = None
    ) -> Iterator[Collected]:
        """Stream every line of an ended batch's output and error files, in no particular order.

        Only one line is in memory at a time. After a lost connection, call it again: it begins at
        the first line.

        Args:
            provider_id: The provider's id of the batch.
            asked: The custom ids that were sent; those that no line names were not answered. None:
                no line counts as unknown.

        Raises:
            Conflict: The batch has not ended yet.
        """
        batch = self._batch(provider_id)
        status = self._status_of(batch)
        if status.state != "ended":
            raise Conflict(f"The batch {provider_id} has not ended yet, it is {status.said}.")
        # OpenAI omits a missing file, others send an empty string.
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
                refusal = found if isinstance(found, Failure) else None
                stray: Stray | None = None
                if not custom_id:
                    stray = "unreadable"
                elif asked is not None and custom_id not in asked:
                    stray = "unknown"
                elif custom_id in seen:
                    stray = "repeated"
                else:
                    seen.add(custom_id)
                yield Collected(storable(custom_id), answer, stray, refusal)

    def _trouble(self, found: Failure | ItemError | Outage) -> ProviderError:
        if not isinstance(found, Failure):
            # A new error: the one that was caught holds the whole line.
            error = type(found)(self._connection.scrubbed(str(found)))
            # There was an answer, but not a usable one.
            error.may_be_paid, error.usage = True, found.usage
            return error
        return self._connection.trouble(found)

    def _upload(self, batch_id: str, requests: Sequence[Named]) -> str:
        dialect = self._dialect.now
        with tempfile.TemporaryFile() as file:
            for custom_id, request in requests:
                file.write(request_line(custom_id, request, self._model, dialect))
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
        errors = [_object(one) for one in data[:MAX_ERRORS]] if isinstance(data, list) else []
        words = tuple(shorten(self._connection.scrubbed(_words(error))) for error in errors)
        counts = _object(batch.get("request_counts"))
        total, completed, failed = (_count(counts.get(n)) for n in ("total", "completed", "failed"))
        trouble = None
        if said == "failed":
            code = str(errors[0].get("code") or "").lower() if errors else ""
            reason = "; ".join(words) or "The batch failed."
            trouble = self._connection.trouble(
                Failure("status", reason, code=code, about="failed batch")
            )
        state: Literal["working", "ended"] = "ended" if said in _ENDED else "working"
        return BatchStatus(state, said, total, completed, failed, words, trouble)


def _words(error: JsonObject) -> str:
    line, code = error.get("line"), error.get("code")
    said = str(error.get("message") or "no reason given")
    return (f"line {line}: " if line is not None else "") + said + (f" ({code})" if code else "")


def _id_of(found: Mapping[str, object]) -> str:
    """Return the provider's id; `Outage` when there is none, because the outcome is unknown."""
    identifier = found.get("id")
    if not isinstance(identifier, str) or not identifier:
        raise Outage("The endpoint answered without an id.")
    return identifier


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
