"""A worker process that does one job with a judge, to be killed."""

import sys
from pathlib import Path

from app.llm.openai_provider import OpenAIProvider
from app.llm.parallel.calls import Endpoint
from app.services.context import ServiceContext
from app.services.training.jobs import work
from app.store.database import Database
from tests.scripted_trainer import ScriptedTrainer


def main() -> None:
    database_url, base_url, files_dir, job_id, tasks = sys.argv[1:]
    context = ServiceContext(
        database=Database(database_url),
        endpoints=[
            Endpoint("default", lambda model: lambda: OpenAIProvider(base_url, "k", model, 5.0))
        ],
        default_model="scripted",
        concurrency=1,
        slice_s=10.0,
        lease_s=30.0,
        files_dir=Path(files_dir),
    )
    work.work_on_job(context, job_id, lambda: False, ScriptedTrainer(tasks=int(tasks)))


if __name__ == "__main__":
    main()
