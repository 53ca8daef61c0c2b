"""Rows for the tests of the store, with no more columns than a test is about."""

from typing import Any

from sqlalchemy.orm import Session

from app.dataset_row import DatasetRow, Record
from app.pipeline.types import ChatPrompt, Completion, Message, Parameters, Request, Stage
from app.store.runs import slots
from app.store.tables.datasets import Dataset
from app.store.tables.instructions import InstanceRow, InstructionRow
from app.store.tables.runs import Run, SeedSet
from app.store.tables.training import TrainingJob
from app.store.work import completions, work_items
from app.store.work.completions import Reply
from app.store.work.work_items import Planned


def add_run(session: Session, run_id: str = "run_a", slot_count: int = 2, **columns: Any) -> Run:
    if session.get(SeedSet, "seeds") is None:
        session.add(
            SeedSet(id="seeds", name="s", content_sha256="0", task_count=1, classification_count=0)
        )
        session.flush()
    values: dict[str, Any] = {
        "seed_set_id": None if columns.get("dataset_id") else "seeds",
        "profile": "default",
        "model": "m",
        "options": {"target": 10},
        "status": "running",
        "batch_stages": [],
    }
    run = Run(id=run_id, **(values | columns))
    session.add(run)
    session.flush()
    slots.add(session, run_id, slot_count)
    session.refresh(run)
    return run


def plan(
    session: Session, run: Run, stage: Stage = Stage.GENERATE, count: int = 1, start: int = 0
) -> list[int]:
    """Plan items; their ids, in order. The n-th prompt shows n demonstrations."""
    before = {item.id for item in work_items.find_open(session, run.id, 1000)}
    work_items.plan(
        session,
        run,
        [
            Planned(stage, start + n, {"n": n, "demonstrations": ["a seed"] * n})
            for n in range(count)
        ],
    )
    found = {item.id for item in work_items.find_open(session, run.id, 1000)}
    return sorted(found - before)


def add_dataset(session: Session, dataset_id: str = "dataset_a", **columns: Any) -> Dataset:
    values: dict[str, Any] = {
        "name": dataset_id,
        "version": 1,
        "state": "queued",
        "is_import": False,
        "recipe": {},
        "facts": {},
    }
    dataset = Dataset(id=dataset_id, **(values | columns))
    session.add(dataset)
    session.flush()
    session.refresh(dataset)
    return dataset


def add_job(session: Session, job_id: str = "training_a", **columns: Any) -> TrainingJob:
    if session.get(Dataset, "dataset_of_job") is None:
        add_dataset(session, "dataset_of_job", state="ready")
    values: dict[str, Any] = {
        "kind": "training",
        "dataset_id": "dataset_of_job",
        "options": {},
        "status": "queued",
        "request_sha256": "0",
    }
    job = TrainingJob(id=job_id, **(values | columns))
    session.add(job)
    session.flush()
    session.refresh(job)
    return job


def request(text: str = "Now.", system: str = "Be brief.", **parameters: Any) -> Request:
    prompt = ChatPrompt((Message("system", system), Message("user", text)))
    values: dict[str, Any] = {"temperature": 0.7, "top_p": 1.0, "max_tokens": 10}
    return Request(prompt, Parameters(**(values | parameters)), "default/generate@1")


def reply(
    stage: Stage = Stage.GENERATE, item_id: int | None = None, text: str = "Yes.", **fields: Any
) -> Reply:
    completion = Completion(text, "stop", "model-1", 7, 3)
    values: dict[str, Any] = {"request": request(), "completion": completion, "latency_s": 0.5}
    return Reply(item_id, stage, **(values | fields))


def add_reply(session: Session, run: Run, *args: Any, **fields: Any) -> int:
    (id_,) = completions.add(session, run.id, [reply(*args, **fields)])
    return id_


def add_instruction(
    session: Session, run: Run, sequence: int, completion_id: int, **columns: Any
) -> None:
    values: dict[str, Any] = {"text": f"Do {sequence}.", "neighbours": [], "is_complete": True}
    session.add(
        InstructionRow(
            run_id=run.id, sequence=sequence, completion_id=completion_id, **(values | columns)
        )
    )
    session.flush()


def add_instance(
    session: Session, run: Run, sequence: int, completion_id: int, position: int = 0
) -> None:
    session.add(
        InstanceRow(
            run_id=run.id,
            sequence=sequence,
            position=position,
            input=f"in {position}",
            output=f"out {sequence}",
            completion_id=completion_id,
        )
    )
    session.flush()


def dataset_row(position: int, **fields: Any) -> DatasetRow:
    label = fields.pop("is_classification", None)
    record = Record(f"Do {position}.", f"out {position}", f"in {position}", is_classification=label)
    values: dict[str, Any] = {"record": record, "origin": {"row": position}}
    return DatasetRow(position, **(values | fields))
