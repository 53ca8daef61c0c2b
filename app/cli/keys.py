"""`seedbed keys`: API keys, in the database itself.

Not a client of the API, because the first key must be made without one. The code of the database
is loaded by the commands, so that their help needs none.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from app.cli.arguments import AsJson
from app.cli.exits import EXIT_CODES_HELP
from app.cli.output import Output, clean
from app.cli.service.find_service import read_settings
from app.errors import SeedbedError
from app.services.access.key_form import Scope

if TYPE_CHECKING:
    from app.store.database import Database
    from app.store.tables.api_keys import ApiKey

keys_app = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)


@keys_app.command("create", epilog=EXIT_CODES_HELP)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Owner or purpose of the key.")],
    scopes: Annotated[
        list[Scope],
        typer.Option("--scope", help="A permission; repeat the option for several."),
    ],
    as_json: AsJson = False,
) -> None:
    """Create an API key and print it; it can't be shown again.

    From the first key on, every request needs a key. Scopes: read; run (make seed sets, runs and
    data sets), train (make training jobs and evaluations) and publish (push data sets to the Hub),
    which all include read; admin (everything). A key changes and deletes only what it made; admin
    changes everything.
    """
    from app.services.access import api_keys  # noqa: PLC0415 - see above

    output = Output(as_json=as_json)
    with output.failures_reported(), _database() as database:
        new = api_keys.create_key(database, name, scopes)
        is_administered = api_keys.any_may_administer(database)
    output.result({**_key_json(new.stored), "key": new.key})
    # Without a table, which would break the key into two lines on a narrow terminal.
    if not as_json:
        typer.echo(new.key)
        output.message(
            f"This is the key with the id {new.stored.id}. Keep it: only its hash is stored. Send "
            "it as `Authorization: Bearer KEY`; the command line reads it from SEEDBED_API_KEY."
        )
    if not is_administered:
        output.message(
            "Warning: no API key has the scope admin. So nobody can change or delete what was made "
            "without a key or with a revoked one. `seedbed keys create NAME --scope admin` makes "
            "one."
        )


@keys_app.command("list", epilog=EXIT_CODES_HELP)
def list_(as_json: AsJson = False) -> None:
    """List the ids and names of all API keys, including revoked ones."""
    from app.services.access import api_keys  # noqa: PLC0415 - see above

    output = Output(as_json=as_json)
    with output.failures_reported(), _database() as database:
        keys = api_keys.list_keys(database)
    output.result([_key_json(key) for key in keys])
    output.show(
        _key_table(keys)
        if keys
        else Text("No API keys yet. `seedbed keys create NAME --scope run` makes one.")
    )


@keys_app.command("revoke", epilog=EXIT_CODES_HELP)
def revoke(
    key_id: Annotated[
        str, typer.Argument(metavar="KEY_ID", help="Id of the key (not the key itself).")
    ],
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Revoke it even if it is the last key, or the last admin key."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Revoke an API key, at once and for good.

    The last valid key and the last one with the scope admin are revoked only with --force. Without
    any valid key the service refuses every request until a key is created.
    """
    from app.services.access import api_keys  # noqa: PLC0415 - see above

    output = Output(as_json=as_json)
    with output.failures_reported(), _database() as database:
        key = api_keys.revoke_key(database, key_id, force=force)
        left = any(other.revoked_at is None for other in api_keys.list_keys(database))
    output.result(_key_json(key))
    output.show(Text(f"{key.id} is revoked."))
    if not left:
        output.message(
            "No valid key is left: the service refuses every request until "
            "`seedbed keys create NAME --scope admin` makes one."
        )


@contextmanager
def _database() -> "Iterator[Database]":
    from app.store.database import Database  # noqa: PLC0415 - see above
    from app.store.health import trouble  # noqa: PLC0415 - see above

    with closing(Database(read_settings().resolved_database_url)) as database:
        address = database.engine.url
        if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
            # Connecting would create an empty one.
            raise SeedbedError(
                f"There is no database at {address.database} yet. Create it with `seedbed up` or "
                "`python -m app.store.migrate`."
            )
        if what := trouble(database):
            raise SeedbedError(what)
        yield database


def _key_json(key: "ApiKey") -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "created_at": _iso(key.created_at),
        "last_used_at": _iso(key.last_used_at),
        "revoked_at": _iso(key.revoked_at),
    }


def _key_table(keys: "Iterable[ApiKey]") -> Table:
    table = Table("id", "name", "scopes", "created", "last used", "revoked", box=None)
    table.columns[0].no_wrap = True  # A cut id is useless.
    for key in keys:
        times = (_minute(at) for at in (key.created_at, key.last_used_at, key.revoked_at))
        table.add_row(key.id, Text(clean(key.name)), " ".join(key.scopes), *times)
    return table


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _minute(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"
