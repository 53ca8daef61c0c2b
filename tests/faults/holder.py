"""A process that holds a run's row in a transaction of the service's own kind, and does no more.

``python -m tests.faults.holder DATABASE_URL RUN_ID``: says ``holding``, and waits.
"""

import sys
import time

from sqlalchemy import text

from app.store.database import Database


def main() -> None:
    """Hold the row until killed."""
    url, run_id = sys.argv[1:]
    with Database(url).write() as session:
        session.execute(text("SELECT id FROM runs WHERE id = :run FOR UPDATE"), {"run": run_id})
        sys.stdout.write("holding\n")
        sys.stdout.flush()
        while True:
            time.sleep(60)


if __name__ == "__main__":
    main()
