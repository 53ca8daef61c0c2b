"""Settings from the environment: read once by each entry point, passed on as plain arguments."""

from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, JsonValue, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

EMBEDDED_MODEL = "smollm2-135m-instruct"
"""The model name of the embedded server."""


class Price(BaseModel, frozen=True):
    """The price of a model, in US dollars per million tokens."""

    input_usd: Decimal = Field(ge=0)
    output_usd: Decimal = Field(ge=0)
    cached_input_usd: Decimal | None = Field(default=None, ge=0)
    """Of prompt tokens that the provider's cache had; unset: the price of input."""
    cache_write_usd: Decimal | None = Field(default=None, ge=0)
    """Of prompt tokens that are written to that cache; unset: 1.25 times the price of input."""
    batch_factor: Decimal = Field(default=Decimal("0.5"), gt=0, le=1)
    """Price of a call by the provider's Batch API, as a fraction of the normal price."""


class EndpointSettings(BaseModel, frozen=True, extra="forbid"):
    """One of several endpoints that serve the same models."""

    name: str = Field(pattern=r"^[\w.-]{1,60}$")
    base_url: str
    api_key: SecretStr | None = None
    weight: float = Field(default=1.0, gt=0)
    """Its share of the calls in flight, relative to the other endpoints."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)


class Settings(BaseSettings):
    """Every setting of the service; a test checks that `.env.example` lists them all."""

    model_config = SettingsConfigDict(
        env_prefix="SEEDBED_",
        env_file=".env",
        # NAME= in a file or a shell means that it is not set.
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    data_dir: Path = Path("data")
    """Folder of the embedded database, the logs and the sockets."""
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    """Database as an SQLAlchemy URL; unset: SQLite in `data_dir`."""
    redis_url: SecretStr | None = Field(default=None, validation_alias="REDIS_URL")
    """URL of the broker; the embedded stack starts one. ``memory://``: no broker, the API starts
    a worker that needs none."""
    openai_base_url: str | None = Field(default=None, validation_alias="OPENAI_BASE_URL")
    """OpenAI-compatible endpoint, ending in ``/v1``; unset, also the key: the embedded model."""
    openai_api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    endpoints: tuple[EndpointSettings, ...] = ()
    """Several endpoints as JSON, instead of `openai_base_url`."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """Rate limit of the single endpoint, over all workers; `tokens_per_minute` likewise."""
    tokens_per_minute: int | None = Field(default=None, ge=1)
    model: str | None = None
    """Default model of runs."""
    extra_body: dict[str, JsonValue] = Field(default_factory=dict)
    """Further fields for the body of every model call, as a JSON object."""
    extra_headers: dict[str, SecretStr] = Field(default_factory=dict)
    """Further headers for every model call, as a JSON object."""
    concurrency: int = Field(default=16, ge=1, le=4096)
    """Most model calls in flight per worker process."""
    request_timeout_s: float = Field(default=120.0, gt=0)
    """Seconds after which a model call as a whole counts as an outage."""
    outage_patience_s: float = Field(default=900.0, gt=0)
    """Seconds after which a run pauses when all its endpoints are down."""
    throttle_patience_s: float = Field(default=600.0, gt=0)
    """Seconds after which a run pauses when its endpoints refuse all calls by their rate limits; a
    longer Retry-After pauses it at once."""
    batch_poll_s: float = Field(default=10.0, gt=0)
    """Seconds to the first poll of a batch; the interval then grows up to thirty times as long."""
    prices: dict[str, Price] = Field(default_factory=dict)
    """Prices by model, as JSON; a model without a price has no cost."""
    parser_model: str | None = None
    """spaCy model that finds verbs and nouns for statistics; unset: rules for English."""
    hub_token: SecretStr | None = Field(default=None, validation_alias="HF_TOKEN")
    """Access token for pushing to the Hugging Face Hub."""
    hub_url: str | None = Field(default=None, validation_alias="HF_ENDPOINT")
    """Address of the Hub; unset: the public one."""
    training_webhook_url: str | None = None
    """Address called for training jobs with `where: webhook`; https, or this machine."""
    training_webhook_secret: SecretStr | None = None
    """Secret that signs the webhook calls."""
    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65535)
    """Port of the API; 0: any free port."""
    header_timeout_s: float = Field(default=15.0, gt=0)
    """Seconds that a client has to send the headers of a request."""
    body_timeout_s: float = Field(default=60.0, gt=0)
    """Seconds in which the body of a request must bring at least 1 KiB."""
    api_key: SecretStr | None = None
    """API key that the command line sends."""
    min_free_mb: int = Field(default=100, ge=0)
    """Megabytes of the disks of `data_dir` and of the database that are kept free."""
    downloads_mb: int = Field(default=10_000, ge=1)
    """Most megabytes of files that are kept for further downloads."""
    slice_s: float = Field(default=10.0, gt=0, le=60)
    """Seconds that a worker works on one run before it turns to the next."""
    lease_s: float = Field(default=30.0, gt=0)
    """Seconds without a heartbeat after which another worker takes over the work."""
    log_format: Literal["text", "json"] = "text"
    """Format of the log of API, workers and sweeper: lines of text, or one JSON object a line."""
    import_concurrency: int = Field(default=2, ge=1, le=64)
    """Imports that are read at the same time, each by a process of its own."""
    import_queue: int = Field(default=100, ge=0)
    """Imports that wait for one of these processes; more are refused (503)."""
    import_memory_mib: int = Field(default=768, ge=256)
    """Memory that the process of an import can allocate, in MiB; on Linux only."""
    import_timeout_s: float = Field(default=600.0, gt=0)
    """Seconds that reading an imported file can take."""
    import_max_mib: int = Field(default=4096, ge=1)
    """Largest file that can be uploaded as a data set, in MiB."""
    import_max_decoded_mib: int = Field(default=8192, ge=1)
    """Size that an imported file decodes to, in MiB: unpacked, and with every value of a
    dictionary at every place."""
    import_max_ratio: int = Field(default=100, ge=1)
    """Decoded size of an imported file as a multiple of its size; 64 MiB are always allowed."""
    import_max_rows: int = Field(default=10_000_000, ge=1)
    """Rows of an imported file."""
    import_max_row_mib: int = Field(default=16, ge=1, le=64)
    """Size of one row of an imported file, in MiB."""
    import_max_columns: int = Field(default=1000, ge=2)
    """Columns of an imported file."""
    import_max_nesting: int = Field(default=100, ge=5, le=500)
    """Levels of lists and objects in a row of an imported file."""
    import_max_unreadable_rows: int = Field(default=100_000, ge=1)
    """Rows of an imported file that can be skipped because they can't be read."""
    pulse_file: Path | None = None
    """File that a healthy worker or sweeper touches every few seconds, for health checks."""

    @cached_property
    def resolved_database_url(self) -> str:
        """The database URL that this process uses."""
        if self.database_url:
            return self.database_url
        return f"sqlite:///{(self.data_dir / 'seedbed.db').resolve()}"

    @property
    def broker_url(self) -> str:
        """The broker URL that this process uses."""
        return self.redis_url.get_secret_value() if self.redis_url else "redis://127.0.0.1:6379/0"

    @property
    def embedded_model(self) -> bool:
        """Return True when no endpoint is set, so the embedded model is used."""
        return not (self.openai_base_url or self.openai_api_key or self.endpoints)

    @property
    def default_model(self) -> str | None:
        """The model of runs that name none; None: each has to name one."""
        return self.model or (EMBEDDED_MODEL if self.embedded_model else None)
