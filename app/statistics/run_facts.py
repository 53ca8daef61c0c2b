"""Facts about a run that made rows of a data set."""

from pydantic import Field, computed_field

from app.statistics.schema import Figures


class AcceptancePoint(Figures):
    """Progress of a run at one point in time."""

    calls: int
    """Model calls answered by then."""
    accepted: int
    """Instructions accepted by then."""


class RunFacts(Figures):
    """One run in numbers. Null means unknown, never zero."""

    run_id: str
    profile: str
    models: tuple[str, ...] = ()
    """Names of the models, as given by the endpoint."""
    prompt_versions: tuple[str, ...] = ()
    """Name and content hash of each template that was used."""
    started_at: str | None = None
    ended_at: str | None = None
    candidates: int | None = None
    """Instructions read from replies."""
    accepted: int
    """Instructions."""
    rows: int
    """Rows it contributed to the data set, before any filter."""
    acceptance: tuple[AcceptancePoint, ...] = ()
    """In chronological order."""
    rejected: dict[str, dict[str, int]] = Field(default_factory=dict)
    """By stage and reason."""
    calls: int
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    """Prompt tokens that the provider's cache had."""
    completion_tokens: int | None = None
    estimated_calls: int = 0
    """Calls whose tokens are estimated, because the endpoint left out counts."""
    cost_usd: float | None = None

    @property
    def cache_hit_share(self) -> float | None:
        """Share of the prompt tokens that the cache had; None when it is unknown."""
        if self.cached_tokens is None or not self.prompt_tokens:
            return None
        return self.cached_tokens / self.prompt_tokens

    @computed_field  # type: ignore[prop-decorator]  # pydantic documents it so; mypy has no word for it
    @property
    def cost_per_row_usd(self) -> float | None:
        """Cost per row in US dollars; null when the cost is unknown or there are no rows."""
        return self.cost_usd / self.rows if self.cost_usd is not None and self.rows else None
