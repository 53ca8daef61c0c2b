"""What the services need to work, given once by the entry point: database, endpoint, pace."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.llm.openai_provider import OpenAIProvider
from app.llm.provider import ProviderFactory
from app.settings import EMBEDDED_MODEL, Price, Settings
from app.store.database import Database

OPENAI_BASE_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class Workshop:
    """Made once in each process, after the fork."""

    database: Database
    provider_for: Callable[[str], ProviderFactory]
    """The endpoint's provider for a model's name."""
    default_model: str | None
    """Asked where a run names none."""
    concurrency: int
    slice_s: float
    lease_s: float
    prices: Mapping[str, Price] = field(default_factory=dict)
    outage_patience_s: float = 30.0
    """An endpoint away for this long pauses the run."""
    throttle_patience_s: float = 600.0
    """An endpoint that only throttles for this long pauses the run."""

    def close(self) -> None:
        """Give connections back."""
        self.database.close()


def open_workshop(settings: Settings) -> Workshop:
    """Build the workshop that the environment asks for."""
    base_url = settings.openai_base_url or OPENAI_BASE_URL
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else None

    def provider_for(model: str) -> ProviderFactory:
        return lambda: OpenAIProvider(base_url, key, model, settings.request_timeout_s)

    return Workshop(
        database=Database(settings.resolved_database_url),
        provider_for=provider_for,
        default_model=settings.model or (EMBEDDED_MODEL if settings.embedded_model else None),
        concurrency=settings.concurrency,
        slice_s=settings.slice_s,
        lease_s=settings.lease_s,
        prices=settings.prices,
    )
