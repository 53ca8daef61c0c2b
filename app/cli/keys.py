"""`seedbed keys`: API keys. Not a client of the API: the first key must be made without one."""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from app.cli.arguments import AsJson
from app.cli.exits import EXIT_CODES_HELP
from app.cli.output import Output, clean
from app.cli.service.connect import read_settings
from app.errors import SeedbedError
from app.services.access import api_keys
from app.services.access.api_keys import Scope
from app.store.database import Database
from app.store.health import trouble
from app.store.tables.api_keys import ApiKey

keys_app = typer.Typer(
    help="API keys, in the database that the settings name.", no_args_is_help=True
)


@keys_app.command("create", epilog=EXIT_CODES_HELP)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is, or what for.")],
    scopes: Annotated[
        list[Scope],
        typer.Option("--scope", help="What it allows; may be given several times."),
    ],
    as_json: AsJson = False,
) -> None:
    """Make an API key and show it, this once.

    From the first key on every request to the API needs one. Scopes: read; run (runs and seed
    sets) and train (training jobs), which include read; admin (everything).
    """
    output = Output(as_json=as_json)
    with output.failures_told(), _database() as database:
        new = api_keys.create_key(database, name, scopes)
    output.result({**_key_json(new.stored), "key": new.key})
    # Not through a table, which would break it over two lines of a narrow terminal.
    if not as_json:
        typer.echo(new.key)
        output.say(
            f"That is the key {new.stored.id}, shown this once and stored nowhere. Send it as "
            "`Authorization: Bearer KEY`, or name it to this command line in SEEDBED_API_KEY."
        )


@keys_app.command("list", epilog=EXIT_CODES_HELP)
def list_(as_json: AsJson = False) -> None:
    """List the API keys, revoked ones too: their ids and names, not the keys."""
    output = Output(as_json=as_json)
    with output.failures_told(), _database() as database:
        keys = api_keys.list_keys(database)
    output.result([_key_json(key) for key in keys])
    output.show(_key_table(keys) if keys else Text("No API key yet."))


@keys_app.command("revoke", epilog=EXIT_CODES_HELP)
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="The key's id, not the key.")],
    as_json: AsJson = False,
) -> None:
    """Make an API key worthless, at once and for good."""
    output = Output(as_json=as_json)
    with output.failures_told(), _database() as database:
        key = api_keys.revoke_key(database, key_id)
        left = api_keys.any_key_exists(database)
    output.result(_key_json(key))
    output.show(Text(f"{key.id} is revoked."))
    if not left:
        output.say("No key is left: the API now serves this machine only, and asks for none.")


@contextmanager
def _database() -> Iterator[Database]:
    with closing(Database(read_settings().resolved_database_url)) as database:
        address = database.engine.url
        if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
            # Looking would make an empty one.
            raise SeedbedError(
                f"There is no database at {address.database} yet. `seedbed up` makes it, and so "
                "does `python -m app.store.migrate`."
            )
        if what := trouble(database):
            raise SeedbedError(what)
        yield database


def _key_json(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "created_at": _iso(key.created_at),
        "last_used_at": _iso(key.last_used_at),
        "revoked_at": _iso(key.revoked_at),
    }


def _key_table(keys: Iterable[ApiKey]) -> Table:
    table = Table("id", "name", "scopes", "created", "last used", "revoked", box=None)
    table.columns[0].no_wrap = True  # An id that is cut off is no id.
    for key in keys:
        times = (_minute(at) for at in (key.created_at, key.last_used_at, key.revoked_at))
        table.add_row(key.id, Text(clean(key.name)), " ".join(key.scopes), *times)
    return table


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _minute(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"
