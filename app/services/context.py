"""Service context: database, model endpoints and limits, built once by the entry point.

openai's client is loaded by the first call to a model. It has hundreds of modules, which processes
that call no model do without: the API, the sweeper, the commands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import ConfigurationError
from app.formats.limits import DEFAULT_LIMITS, ReadLimits
from app.llm.dialects.shared import DialectMemory
from app.llm.parallel.calls import Endpoint
from app.llm.provider import ProviderFactory
from app.pipeline.options import check_extra_body
from app.settings import EndpointSettings, Price, Settings
from app.store.database import Database

if TYPE_CHECKING:
    from app.llm.batch_api.batches import BatchEndpoint

OPENAI_BASE_URL = "https://api.openai.com/v1"
_MEGABYTE = 1_000_000
HUB_URL = "https://huggingface.co"
_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Webhook:
    """The address that training jobs are sent to, and its timeouts."""

    url: str
    secret: str | None = field(repr=False)
    """Signs each call; None: not set, so no call can be made."""
    timeout_s: float = 10.0
    """For connecting, for sending, and for the response to begin, each."""
    patience_s: float = 900.0
    """A call to a webhook that is down is retried for this long."""
    first_wait_s: float = 1.0
    """Before the second try; doubled before each one after it."""
    longest_wait_s: float = 60.0


@dataclass(frozen=True, slots=True)
class ImportProcessLimits:
    """Limits of the processes that read imported files."""

    memory_bytes: int = 768 * _MEBIBYTE
    """Memory of one process."""
    timeout_s: float = 600.0
    """A process that takes longer is killed."""
    at_once: int = 2
    """Processes at the same time."""
    waiting: int = 100
    """Further imports that wait for one; more are refused."""


DEFAULT_IMPORT_PROCESS = ImportProcessLimits()


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """Settings and connections that every service gets, made once per process, after the fork."""

    database: Database
    endpoints: Sequence[Endpoint]
    """The model endpoints; at least one."""
    default_model: str | None
    """The model of runs that name none."""
    concurrency: int
    slice_s: float
    lease_s: float
    prices: Mapping[str, Price] = field(default_factory=dict)
    outage_patience_s: float = 900.0
    """A run is paused when its endpoints are down for this long."""
    throttle_patience_s: float = 600.0
    """A run is paused when its endpoints refuse all calls for this long by their rate limits, or
    ask for a longer wait."""
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    """Further fields for the body of every model call, as JSON."""
    batch_poll_s: float = 10.0
    """Time until a batch is first polled; the time between polls grows to thirty times as long."""
    batch_patience_s: float = 90_000.0
    """A batch that takes longer is cancelled; providers promise an end within a day."""
    files_dir: Path = Path("data/files")
    """For uploads and for files made for download; all of them can be made again."""
    import_max_bytes: int = 4096 * _MEBIBYTE
    """Size of an imported file as it is uploaded."""
    read_limits: ReadLimits = DEFAULT_LIMITS
    """Limits of imported files as they are read."""
    min_free_bytes: int = 0
    """Space that is kept free on the disks of the database and of the data folder."""
    downloads_bytes: int = 10_000_000_000
    """Most bytes of files that are kept for further downloads."""
    import_process: ImportProcessLimits = DEFAULT_IMPORT_PROCESS
    """Limits of the processes that read them."""
    parser_model: str | None = None
    """The spaCy model that finds verbs and nouns; None: a word list is used."""
    hub_url: str = HUB_URL
    hub_token: str | None = None
    """Access token for pushing to the Hugging Face Hub; None: there is none."""
    training_webhook: Webhook | None = None
    """Trains the jobs with `where: webhook`; None: such jobs fail."""

    def close(self) -> None:
        """Close the database connections."""
        self.database.close()


def open_service_context(settings: Settings) -> ServiceContext:
    """Build the context from the settings."""
    return ServiceContext(
        database=Database(settings.resolved_database_url),
        endpoints=[_endpoint(one, settings) for one in endpoint_settings(settings)],
        default_model=settings.default_model,
        concurrency=settings.concurrency,
        slice_s=settings.slice_s,
        lease_s=settings.lease_s,
        prices=settings.prices,
        outage_patience_s=settings.outage_patience_s,
        throttle_patience_s=settings.throttle_patience_s,
        extra_body=extra_body_of(settings),
        batch_poll_s=settings.batch_poll_s,
        files_dir=settings.data_dir.expanduser().resolve() / "files",
        import_max_bytes=settings.import_max_mib * _MEBIBYTE,
        read_limits=_read_limits(settings),
        min_free_bytes=settings.min_free_mb * _MEGABYTE,
        downloads_bytes=settings.downloads_mb * _MEGABYTE,
        import_process=ImportProcessLimits(
            memory_bytes=settings.import_memory_mib * _MEBIBYTE,
            timeout_s=settings.import_timeout_s,
            at_once=settings.import_concurrency,
            waiting=settings.import_queue,
        ),
        parser_model=settings.parser_model,
        hub_url=settings.hub_url or HUB_URL,
        hub_token=settings.hub_token.get_secret_value() if settings.hub_token else None,
        training_webhook=_webhook(settings),
    )


def _read_limits(settings: Settings) -> ReadLimits:
    return ReadLimits(
        decoded_bytes=settings.import_max_decoded_mib * _MEBIBYTE,
        ratio=settings.import_max_ratio,
        rows=settings.import_max_rows,
        row_bytes=settings.import_max_row_mib * _MEBIBYTE,
        columns=settings.import_max_columns,
        nesting=settings.import_max_nesting,
        unreadable_rows=settings.import_max_unreadable_rows,
    )


def _webhook(settings: Settings) -> Webhook | None:
    secret = settings.training_webhook_secret
    if settings.training_webhook_url is None:
        return None
    return Webhook(settings.training_webhook_url, secret.get_secret_value() if secret else None)


def extra_headers_of(settings: Settings) -> Mapping[str, str]:
    """Return the further headers of every call, which may be secret."""
    return {name: value.get_secret_value() for name, value in settings.extra_headers.items()}


def extra_body_of(settings: Settings) -> Mapping[str, Any]:
    """Return the further fields of the body of every call; `Any` because that is what JSON is.

    Raises:
        ConfigurationError: a field can't be set.
    """
    try:
        return check_extra_body(settings.extra_body)
    except ValueError as error:
        raise ConfigurationError(f"SEEDBED_EXTRA_BODY: {error}.") from None


def endpoint_settings(settings: Settings) -> Sequence[EndpointSettings]:
    """Return the named endpoints, or the single one that has no name."""
    alone = EndpointSettings(
        name="default",
        base_url=settings.openai_base_url or OPENAI_BASE_URL,
        api_key=settings.openai_api_key,
        requests_per_minute=settings.requests_per_minute,
        tokens_per_minute=settings.tokens_per_minute,
    )
    return settings.endpoints or (alone,)


def _endpoint(given: EndpointSettings, settings: Settings) -> Endpoint:
    url, timeout_s = given.base_url, settings.request_timeout_s
    key = given.api_key.get_secret_value() if given.api_key else None
    headers = extra_headers_of(settings)
    dialects = DialectMemory(url)

    def provider_for(model: str) -> ProviderFactory:
        from app.llm.openai_provider import OpenAIProvider  # noqa: PLC0415 - see above

        return lambda: OpenAIProvider(url, key, model, timeout_s, dialects.of(model), headers)

    def batches_for(model: str) -> "BatchEndpoint":
        from app.llm.batch_api.batches import BatchEndpoint  # noqa: PLC0415 - see above

        return BatchEndpoint(url, key, model, timeout_s, dialects.of(model), headers)

    return Endpoint(
        name=given.name,
        provider_for=provider_for,
        weight=given.weight,
        requests_per_minute=given.requests_per_minute,
        tokens_per_minute=given.tokens_per_minute,
        batches_for=batches_for,
        dialects=dialects,
    )
