"""What a run took to make its share of a data set, as its caller counted it."""

from pydantic import Field, computed_field

from app.statistics.schema import Figures


class AcceptancePoint(Figures):
    """How far a run was at one moment."""

    calls: int
    """Model calls answered by then."""
    accepted: int
    """Instructions accepted by then."""


class RunFacts(Figures):
    """One run in numbers. Null is *unknown*, never nought."""

    run_id: str
    profile: str
    models: tuple[str, ...] = ()
    """As the endpoint called them."""
    prompt_versions: tuple[str, ...] = ()
    """Name and content hash of each template that was used."""
    started_at: str | None = None
    ended_at: str | None = None
    candidates: int | None = None
    """Instructions read from replies."""
    accepted: int
    """Instructions."""
    rows: int
    """Rows it gave to the data set before any filter."""
    acceptance: tuple[AcceptancePoint, ...] = ()
    """In the order of time."""
    rejected: dict[str, dict[str, int]] = Field(default_factory=dict)
    """By stage and reason."""
    calls: int
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic documents it so; mypy has no word for it
    @property
    def cost_per_row_usd(self) -> float | None:
        """What one row cost; null when the cost is unknown or there is no row."""
        return self.cost_usd / self.rows if self.cost_usd is not None and self.rows else None
