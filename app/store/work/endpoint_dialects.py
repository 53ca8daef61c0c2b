"""Queries on the dialects of endpoints: what each refuses, for all workers and later runs."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from app.store.declarative import core
from app.store.tables.endpoints import EndpointDialect


class Known(NamedTuple):
    """The knowledge about an endpoint, and where it was learnt."""

    address_sha256: str
    lessons: Sequence[Mapping[str, Any]]


def known(session: Session, names: Collection[str], model: str) -> Mapping[str, Known]:
    """Return what is known of these endpoints for one model, by name."""
    wanted = (EndpointDialect.name.in_(names), EndpointDialect.model == model)
    rows = session.execute(
        select(EndpointDialect.name, EndpointDialect.address_sha256, EndpointDialect.lessons).where(
            *wanted
        )
    )
    return {name: Known(address, lessons) for name, address, lessons in rows}


def keep(session: Session, name: str, model: str, new: Known) -> None:
    """Keep what is known of an endpoint now, in place of what was known before."""
    dialect = session.get_bind().dialect.name
    make = sqlite_insert if dialect == "sqlite" else postgresql_insert
    values = {"address_sha256": new.address_sha256, "lessons": list(new.lessons)}
    row = make(core(EndpointDialect)).values(name=name, model=model, **values)
    session.execute(row.on_conflict_do_update(index_elements=["name", "model"], set_=values))
