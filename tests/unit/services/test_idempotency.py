"""Hashes that tell requests apart, also those that were stored before version 2."""

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Conflict
from app.pipeline.budget import Caps
from app.pipeline.options import Demonstrations, RunOptions
from app.pipeline.types import Instance, SeedTask
from app.services.datasets.control import DatasetRequest
from app.services.datasets.control import request_hash_of as dataset_hash
from app.services.datasets.importing import Upload
from app.services.datasets.importing import request_hash_of as import_hash
from app.services.datasets.recipe import Import, Source, VersionRecipe
from app.services.idempotency import RequestHash, RequestKey, insert_once, request_hash
from app.services.journeys.seeds_to_model import RunTraining
from app.services.journeys.seeds_to_model import request_hash_of as run_training_hash
from app.services.runs.run_request import RunRequest
from app.services.training.jobs.requests import TrainingRequest
from app.store.database import Database
from app.store.json_columns import SourceFact
from app.store.tables.runs import Run, SeedSet
from app.training.plain.options import TrainingOptions

SEED = SeedTask("seed_0", "seed_0", "Say it.", (Instance("", "It."),), is_classification=False)
# A source of our own: the hash does not look into it.
SOURCES = cast("list[SourceFact]", [{"run_id": "run_1", "instructions": 3}])

# One request of each kind, with its hash by the code before version 2.
STORED = [
    (
        RunRequest(
            None, (SEED,), RunOptions(target=6), Caps(calls=9, usd=Decimal("1.50"))
        ).hashed(),
        "3ba86d661f0fdad1600f79b783852af9e00b118a0f652ab8e95a075e531a40f1",
    ),
    (
        RunRequest("seeds_1", None, RunOptions(target=6)).hashed(RunTraining(dataset_name="grown")),
        "65b262483ad96ebfbbbcbad1663957e5414274e5f43ab7566d161d38463b2464",
    ),
    (
        RunRequest(None, None, RunOptions(profile="judge"), dataset_id="dataset_1").hashed(),
        "1c3368d8d076b5b75ea4e2b64513b6b5130ba25a5763307b61ccbb9741958417",
    ),
    (
        TrainingRequest("dataset_1", TrainingOptions(seed=3)).hashed(),
        "46b439737d74483791cd1250a686b5a47a62e491f9769de14422310c06e0a309",
    ),
    (
        run_training_hash("run_1", RunTraining(dataset_name="grown")),
        "bbfdd909df8384501f13885ee427405a31251b0c9684d8f6a50da7b9c2d9eb9e",
    ),
    (
        dataset_hash(
            DatasetRequest("tea", VersionRecipe(sources=(Source(run_id="run_1"),))), SOURCES
        ),
        "6ba4560ae283cc419de6075f566b1923a2488d61822f9392005e607168236900",
    ),
    (
        import_hash(Upload("tea", Import(format="alpaca"), Path("tea.json")), "ab" * 32),
        "6575cd8a5c183d65af8747f34372cf90d792e7e749eededcdcab39adbccc7bc5",
    ),
]


# Hashes of version 2, as they are stored. A request that leaves out a later option keeps its hash.
STORED_2 = [
    (RunOptions(), "2:3271cd74718d58d1803ad6f4c74b7ac6276dce552f49ed5e3940879ecf9c0d"),
    (
        RunOptions(instances_per_instruction=3),
        "2:3271cd74718d58d1803ad6f4c74b7ac6276dce552f49ed5e3940879ecf9c0d",
    ),
    (
        RunOptions(profile="paper", instances_per_instruction=4),
        "2:7568a5e8b14749d6c47a5f8e163ee407d0e50ba14b4e70518278525a11f498",
    ),
    (
        RunOptions(profile="judge"),
        "2:01120433f546b664c2c03fea23adc3090ca89bafcd858509d5c18144fd57e6",
    ),
]


class Options(BaseModel):
    model_config = ConfigDict(frozen=True)

    size: int = 3


class LaterOptions(Options):
    colour: str = "red"


def hash_of(options: BaseModel | None = None, **parts: object) -> str:
    return request_hash("run", {"options": options, **parts}, "").current


@pytest.mark.parametrize(("hashed", "stored"), STORED)
def test_a_hash_stored_before_version_2_is_still_known(hashed: RequestHash, stored: str) -> None:
    assert hashed.legacy == stored
    RequestKey("key", hashed).check_same(stored, "run")


@pytest.mark.parametrize(("options", "stored"), STORED_2)
def test_a_hash_of_a_run_stored_in_version_2_is_still_known(
    options: RunOptions, stored: str
) -> None:
    RequestKey("key", RunRequest("seeds_1", None, options).hashed()).check_same(stored, "run")


@pytest.mark.parametrize("hashed", [hashed for hashed, _ in STORED])
def test_a_hash_fits_its_column_and_says_its_version(hashed: RequestHash) -> None:
    assert hashed.current.startswith("2:")
    assert len(hashed.current) == 64
    RequestKey("key", hashed).check_same(hashed.current, "run")


def test_requests_of_all_kinds_have_hashes_of_their_own() -> None:
    assert len({form for hashed, _ in STORED for form in hashed.both}) == 2 * len(STORED)


def test_a_new_option_with_a_default_leaves_the_hash_as_it_was() -> None:
    assert hash_of(LaterOptions(size=4)) == hash_of(Options(size=4))
    assert hash_of(LaterOptions(size=4, colour="blue")) != hash_of(Options(size=4))


def test_an_option_sent_with_its_default_is_the_same_request() -> None:
    explicit = RunOptions(target=100, demonstrations=Demonstrations(seeds=None))
    one, other = (RunRequest("seeds_1", None, options) for options in (explicit, RunOptions()))
    assert one.hashed() == other.hashed()


@pytest.mark.parametrize(
    "other",
    [
        RunRequest("seeds_2", None, RunOptions()),
        RunRequest(None, (SEED,), RunOptions()),
        RunRequest(None, None, RunOptions(), dataset_id="seeds_1"),
        RunRequest("seeds_1", None, RunOptions(target=7)),
        RunRequest("seeds_1", None, RunOptions(demonstrations=Demonstrations(seeds=2))),
        RunRequest("seeds_1", None, RunOptions(), Caps(calls=3)),
        RunRequest("seeds_1", None, RunOptions(), Caps(tokens=3)),
        RunRequest("seeds_1", None, RunOptions(), Caps(usd=Decimal(3))),
    ],
)
def test_whatever_differs_makes_another_hash(other: RunRequest) -> None:
    first = RunRequest("seeds_1", None, RunOptions())
    assert not set(first.hashed().both) & set(other.hashed().both)


def test_a_training_makes_another_request_of_a_run() -> None:
    request = RunRequest("seeds_1", None, RunOptions())
    hashes = [
        request.hashed(),
        request.hashed(RunTraining()),
        request.hashed(RunTraining(dataset_name="grown")),
    ]
    assert len({form for hashed in hashes for form in hashed.both}) == 6


def test_seeds_in_another_order_are_another_request() -> None:
    second = SeedTask("seed_1", "seed_1", "Sing.", (), is_classification=True)
    assert hash_of(seeds=[SEED, second]) != hash_of(seeds=[second, SEED])
    assert hash_of(seeds=[SEED, second]) == hash_of(seeds=(SEED, second))


def test_the_hash_is_of_canonical_json() -> None:
    # A stored key must find its request again, whatever the code looks like by then.
    parts = {"seeds": (SEED,), "caps": Caps(calls=9, usd=Decimal("1.50")), "none": None}
    text = (
        '["run",{"caps":{"calls":9,"usd":"1.50"},"options":{"size":4},"seeds":[{"id":"seed_0",'
        '"instances":[{"input":"","output":"It."}],"instruction":"Say it.",'
        '"is_classification":false,"name":"seed_0"}]}]'
    )
    expected = f"2:{hashlib.sha256(text.encode()).hexdigest()[:62]}"
    assert hash_of(Options(size=4), **parts) == expected


def test_a_key_with_another_request_is_a_conflict_that_says_what_to_do() -> None:
    key = RequestKey("key", request_hash("job", {}, "old"))
    for stored in ("2:" + "0" * 62, "0" * 64, None):
        with pytest.raises(Conflict, match="another request; use a new key for a new job"):
            key.check_same(stored, "job")


def test_a_key_of_one_api_key_finds_nothing_of_another() -> None:
    hashed, other = (request_hash("run", {"n": n}, str(n)) for n in range(2))
    rows: dict[str, Run] = {}

    def key_of(made_by: str | None, request: RequestHash = hashed, text: str = "k") -> RequestKey:
        return RequestKey(text, request, made_by)

    def find(key: RequestKey) -> Run | None:
        return key.find(rows.get, "run")

    for made_by in ("key_a", "key_b"):
        key = key_of(made_by)
        assert find(key) is None
        assert key.stored is not None
        rows[key.stored] = Run(
            id=made_by, made_by=made_by, request_sha256=hashed.current, idempotency_key=key.stored
        )
    assert len(rows) == 2
    for made_by in ("key_a", "key_b"):
        found = find(key_of(made_by))
        assert found is not None
        assert found.made_by == made_by
        with pytest.raises(Conflict):
            find(key_of(made_by, other))
        # Nor does the text under which another one's key is stored.
        assert find(key_of("key_c", text=str(found.idempotency_key))) is None
    assert all(len(stored) <= 255 for stored in rows)


def test_what_was_stored_before_api_keys_were_recorded_answers_the_same_request() -> None:
    hashed, other = (request_hash("run", {"n": n}, str(n)) for n in range(2))
    rows = {"k": Run(id="old", made_by=None, request_sha256=hashed.legacy, idempotency_key="k")}
    for made_by in (None, "key_a"):
        found = RequestKey("k", hashed, made_by).find(rows.get, "run")
        assert found is not None
        assert found.id == "old"
    assert RequestKey("k", other, "key_a").find(rows.get, "run") is None
    with pytest.raises(Conflict):
        RequestKey("k", other).find(rows.get, "run")


def seed_set(name: str) -> SeedSet:
    return SeedSet(
        id=name, name=name, content_sha256="0" * 64, task_count=0, classification_count=0
    )


def find_or_insert(session: Session, name: str) -> SeedSet:
    found = session.scalar(select(SeedSet).where(SeedSet.content_sha256 == "0" * 64))
    if found is None:
        found = seed_set(name)
        session.add(found)
        session.flush()
    return found


def test_a_row_is_inserted_once_though_its_commit_is_repeated(database: Database) -> None:
    calls = []

    def work(session: Session) -> SeedSet:
        calls.append(1)
        return find_or_insert(session, "mine")

    for _ in range(2):
        assert insert_once(database, SeedSet, "mine", work).id == "mine"
    # The second time it is found by its id alone.
    assert len(calls) == 1


def test_of_two_processes_that_insert_at_once_the_second_finds_the_first(
    database: Database,
) -> None:
    tries = []

    def work(session: Session) -> SeedSet:
        tries.append(1)
        if len(tries) == 1:
            # Both saw nothing, and the other one was faster.
            session.add(seed_set("theirs"))
            session.flush()
            session.add(seed_set("mine"))
            session.flush()
        with database.read() as other:
            assert other.scalar(select(SeedSet)) is None
        return find_or_insert(session, "second try")

    assert insert_once(database, SeedSet, "mine", work).id == "second try"
    assert len(tries) == 2
