"""What the environment decides: read once by each entry point, handed down as plain arguments."""

from decimal import Decimal
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

EMBEDDED_MODEL = "smollm2-135m-instruct"
"""The model the embedded server answers as."""


class Price(BaseModel, frozen=True):
    """What a model costs, in US dollars per million tokens."""

    input_usd: Decimal = Field(ge=0)
    output_usd: Decimal = Field(ge=0)
    batch_factor: Decimal = Field(default=Decimal("0.5"), gt=0, le=1)
    """What part of these a call costs that goes by the provider's Batch API."""


class EndpointSettings(BaseModel, frozen=True, extra="forbid"):
    """One of several endpoints that serve the same models."""

    name: str = Field(pattern=r"^[\w.-]{1,60}$")
    base_url: str
    api_key: SecretStr | None = None
    weight: float = Field(default=1.0, gt=0)
    """Its share of the calls in the air, beside those of the others."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)


class Settings(BaseSettings):
    """Every setting of the service; `.env.example` lists them, and a test holds it to this."""

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
    """Where the embedded database, the logs and the sockets live."""
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    """SQLAlchemy address; unset: SQLite in `data_dir`."""
    redis_url: SecretStr | None = Field(default=None, validation_alias="REDIS_URL")
    """The broker; the embedded stack sets it to its own. ``memory://``: a thread of the API works,
    for machines where no broker can run."""
    openai_base_url: str | None = Field(default=None, validation_alias="OPENAI_BASE_URL")
    """An OpenAI-compatible endpoint, ending in ``/v1``; unset without a key: the embedded model."""
    openai_api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    endpoints: tuple[EndpointSettings, ...] = ()
    """Several, as JSON, in place of the one above."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """Of the one endpoint, over all workers."""
    tokens_per_minute: int | None = Field(default=None, ge=1)
    model: str | None = None
    """The model runs ask unless they name another."""
    concurrency: int = Field(default=16, ge=1, le=4096)
    """Model calls in the air, per worker process."""
    request_timeout_s: float = Field(default=120.0, gt=0)
    """A model call that takes longer, as a whole, counts as an outage."""
    outage_patience_s: float = Field(default=900.0, gt=0)
    """Endpoints that have been away for this long pause the run."""
    batch_poll_s: float = Field(default=10.0, gt=0)
    """After so long a batch is first asked after; then more and more seldom, at the most after
    thirty times as long."""
    prices: dict[str, Price] = Field(default_factory=dict)
    """By model, as JSON; a model without a price has no cost."""
    parser_model: str | None = None
    """The spaCy model that finds verbs and nouns for statistics; unset: rules do."""
    hub_token: SecretStr | None = Field(default=None, validation_alias="HF_TOKEN")
    """Leave to push data sets to the Hugging Face hub."""
    hub_url: str | None = Field(default=None, validation_alias="HF_ENDPOINT")
    """The hub; unset: the public one."""
    training_webhook_url: str | None = None
    """Called with training jobs that say `webhook`; https, or this machine."""
    training_webhook_secret: SecretStr | None = None
    """Signs those calls."""
    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65535)
    """0: any free port."""
    api_key: SecretStr | None = None
    """What the command line shows the API, where that asks for a key."""
    slice_s: float = Field(default=10.0, gt=0, le=60)
    """How long a worker stays with one run before it looks at the others."""
    lease_s: float = Field(default=30.0, gt=0)
    """After this long without a heartbeat a worker's work is given to another."""
    pulse_file: Path | None = None
    """Touched every few seconds by a worker or sweeper that can work, for health checks."""

    @cached_property
    def resolved_database_url(self) -> str:
        """The database this process uses."""
        if self.database_url:
            return self.database_url
        return f"sqlite:///{(self.data_dir / 'seedbed.db').resolve()}"

    @property
    def broker_url(self) -> str:
        """The broker this process uses."""
        return self.redis_url.get_secret_value() if self.redis_url else "redis://127.0.0.1:6379/0"

    @property
    def embedded_model(self) -> bool:
        """Whether no endpoint was named, so that the embedded model has to answer."""
        return not (self.openai_base_url or self.openai_api_key or self.endpoints)
