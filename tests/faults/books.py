"""What must be true of a run's rows once it is over, looked for by SQL.

Each check answers with the violations it found, in words; none found is an empty list. Nothing here
relies on a unique constraint, nor on the code that made the rows: when columns change, this file
changes. The texts of replies are those of the scripted model, whose JSON says how much is in them.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

_MOST_NAMED = 5


class Rule(NamedTuple):
    """A thing that must not be: what it is, and the SQL that finds it."""

    what: str
    sql: str


LOST = (
    Rule(
        "work neither done nor dropped",
        """SELECT stage, ordinal, state FROM work_items
           WHERE run_id = :run AND state NOT IN ('done', 'dropped')""",
    ),
    Rule(
        "an instruction without its classification",
        """SELECT sequence FROM instructions WHERE run_id = :run AND sequence NOT IN
             (SELECT ordinal FROM work_items
              WHERE run_id = :run AND stage = 'classify' AND state = 'done')""",
    ),
    Rule(
        "an instruction without its instances' work",
        """SELECT sequence FROM instructions WHERE run_id = :run AND sequence NOT IN
             (SELECT ordinal FROM work_items
              WHERE run_id = :run AND stage = 'instantiate' AND state = 'done')""",
    ),
    Rule(
        "an instruction that is not complete, or of no class",
        """SELECT sequence FROM instructions
           WHERE run_id = :run AND (NOT is_complete OR is_classification IS NULL)""",
    ),
    Rule(
        "done work whose reply is not there",
        """SELECT w.stage, w.ordinal FROM work_items w
           LEFT JOIN completions c ON c.id = w.completion_id AND c.work_item_id = w.id
             AND c.run_id = w.run_id AND c.stage = w.stage
           WHERE w.run_id = :run AND w.state = 'done' AND c.id IS NULL""",
    ),
    Rule(
        "a gap in the sequence of instructions",
        """SELECT i.sequence + 1 FROM instructions i
           LEFT JOIN instructions n ON n.run_id = i.run_id AND n.sequence = i.sequence + 1
           WHERE i.run_id = :run AND n.run_id IS NULL
             AND i.sequence + 1 < (SELECT count(*) FROM instructions WHERE run_id = :run)""",
    ),
    Rule(
        "a ticket that was issued and is no work",
        """SELECT r.tickets_issued, count(w.id), min(w.ordinal), max(w.ordinal) FROM runs r
           LEFT JOIN work_items w ON w.run_id = r.id AND w.stage = 'generate'
           WHERE r.id = :run GROUP BY r.id, r.tickets_issued
           HAVING count(DISTINCT w.ordinal) <> r.tickets_issued
             OR max(w.ordinal) <> r.tickets_issued - 1 OR min(w.ordinal) <> 0""",
    ),
    Rule(
        "counters of the run that its rows do not bear out",
        """SELECT r.accepted, r.complete, r.instances, r.tickets_issued, r.tickets_admitted
           FROM runs r
           WHERE r.id = :run AND (r.tickets_issued <> r.tickets_admitted
             OR r.accepted <> (SELECT count(*) FROM instructions WHERE run_id = :run)
             OR r.complete <> (SELECT count(*) FROM instructions WHERE run_id = :run)
             OR r.instances <> (SELECT count(*) FROM instances WHERE run_id = :run))""",
    ),
    Rule(
        "books of the run that its replies do not bear out",
        """SELECT r.calls, c.calls, r.prompt_tokens, c.prompt_tokens, r.completion_tokens,
             c.completion_tokens, r.cost_usd, c.cost_usd
           FROM runs r, (SELECT count(*) AS calls, sum(prompt_tokens) AS prompt_tokens,
             sum(completion_tokens) AS completion_tokens, sum(cost_usd) AS cost_usd
             FROM completions WHERE run_id = :run AND reused_from IS NULL) c
           WHERE r.id = :run AND (r.calls <> c.calls OR r.prompt_tokens <> c.prompt_tokens
             OR r.completion_tokens <> c.completion_tokens OR r.cost_usd <> c.cost_usd)""",
    ),
    Rule(
        "usage by stage that the replies do not bear out",
        """SELECT u.stage, u.calls, c.calls, u.cost_usd, c.cost_usd FROM stage_usage u LEFT JOIN
             (SELECT stage, count(*) AS calls, sum(prompt_tokens) AS prompt_tokens,
               sum(completion_tokens) AS completion_tokens, sum(cost_usd) AS cost_usd
               FROM completions WHERE run_id = :run AND reused_from IS NULL GROUP BY stage) c
             ON c.stage = u.stage
           WHERE u.run_id = :run AND (u.calls <> c.calls OR u.prompt_tokens <> c.prompt_tokens
             OR u.completion_tokens <> c.completion_tokens OR u.cost_usd <> c.cost_usd)
           UNION ALL
           SELECT 'all', r.calls, sum(u.calls), r.cost_usd, sum(u.cost_usd) FROM runs r
             JOIN stage_usage u ON u.run_id = r.id WHERE r.id = :run
             GROUP BY r.calls, r.cost_usd HAVING r.calls <> sum(u.calls)""",
    ),
    Rule(
        "a call that is over and still reserved for, or leased",
        """SELECT stage, ordinal FROM work_items WHERE run_id = :run
             AND (reserved_tokens IS NOT NULL OR reserved_usd IS NOT NULL OR token IS NOT NULL)""",
    ),
    Rule(
        "a reply that is called spare and was used",
        """SELECT c.id FROM completions c JOIN work_items w ON w.completion_id = c.id
           WHERE c.run_id = :run AND c.is_spare""",
    ),
)

DOUBLED = (
    Rule(
        "the same call recorded twice",
        """SELECT call, count(*) FROM completions WHERE run_id = :run AND call IS NOT NULL
           GROUP BY call HAVING count(*) > 1""",
    ),
    Rule(
        "two pieces of work for one ticket or instruction",
        """SELECT stage, ordinal, count(*) FROM work_items WHERE run_id = :run
           GROUP BY stage, ordinal HAVING count(*) > 1""",
    ),
    Rule(
        "a place in the sequence taken twice",
        """SELECT sequence, count(*) FROM instructions WHERE run_id = :run
           GROUP BY sequence HAVING count(*) > 1""",
    ),
    Rule(
        "the same instruction twice",
        """SELECT text, count(*) FROM instructions WHERE run_id = :run
           GROUP BY text HAVING count(*) > 1""",
    ),
    Rule(
        "instructions out of two replies to one ticket",
        """SELECT w.ordinal FROM instructions i JOIN completions c ON c.id = i.completion_id
           JOIN work_items w ON w.id = c.work_item_id
           WHERE i.run_id = :run GROUP BY w.ordinal HAVING count(DISTINCT c.id) > 1""",
    ),
    Rule(
        "an instruction out of a reply that its ticket did not use",
        """SELECT sequence FROM instructions WHERE run_id = :run AND completion_id NOT IN
             (SELECT completion_id FROM work_items WHERE run_id = :run AND stage = 'generate'
              AND state = 'done' AND completion_id IS NOT NULL)""",
    ),
    Rule(
        "a class out of a reply that its work did not use",
        """SELECT i.sequence FROM instructions i
           LEFT JOIN work_items w ON w.completion_id = i.classified_by AND w.run_id = i.run_id
             AND w.stage = 'classify' AND w.ordinal = i.sequence
           WHERE i.run_id = :run AND i.classified_by IS NOT NULL AND w.id IS NULL""",
    ),
    Rule(
        "instances of one instruction out of two replies",
        """SELECT sequence FROM instances WHERE run_id = :run
           GROUP BY sequence HAVING count(DISTINCT completion_id) > 1""",
    ),
    Rule(
        "an instance out of a reply that its work did not use",
        """SELECT n.sequence, n.position FROM instances n
           LEFT JOIN work_items w ON w.completion_id = n.completion_id AND w.run_id = n.run_id
             AND w.stage = 'instantiate' AND w.ordinal = n.sequence
           WHERE n.run_id = :run AND w.id IS NULL""",
    ),
    Rule(
        "instances not numbered 0, 1, 2, ...",
        """SELECT sequence FROM instances WHERE run_id = :run
           GROUP BY sequence HAVING count(*) <> max(position) + 1
             OR count(*) <> count(DISTINCT position)""",
    ),
    Rule(
        "a rejection out of a reply that its work did not use",
        """SELECT r.id FROM rejections r JOIN completions c ON c.id = r.completion_id
           JOIN work_items w ON w.id = c.work_item_id
           WHERE r.run_id = :run AND w.completion_id <> r.completion_id""",
    ),
)


def broken(connection: Connection, run_id: str, rules: Sequence[Rule]) -> list[str]:
    """Name what the rules' SQL finds."""
    found = []
    for rule in rules:
        rows = [tuple(row) for row in connection.execute(text(rule.sql), {"run": run_id})]
        found += named(rule.what, rows)
    return found


def target_missed(connection: Connection, run_id: str, target: int) -> list[str]:
    """Exactly the target, and the run knows it."""
    status, accepted, message = connection.execute(
        text("SELECT status, accepted, message FROM runs WHERE id = :run"), {"run": run_id}
    ).one()
    stored = number(connection, "SELECT count(*) FROM instructions WHERE run_id = :run", run_id)
    found = [] if status == "succeeded" else [f"the run is {status} ({message})"]
    if accepted != target or stored != target:
        found.append(f"{stored} instructions, {accepted} counted, {target} wanted")
    return found


def misread_replies(connection: Connection, run_id: str) -> list[str]:
    """Of a reply that was used everything is accepted or rejected, once; of others nothing."""
    wrong = []
    for stage, key in (("generate", "instructions"), ("instantiate", "instances")):
        made = _made_of_replies(connection, run_id, key, stage)
        for id_, reply, used in connection.execute(
            text(
                """SELECT c.id, c.reply, w.completion_id = c.id AND w.state = 'done'
                   FROM completions c JOIN work_items w ON w.id = c.work_item_id
                   WHERE c.run_id = :run AND c.stage = :stage"""
            ),
            {"run": run_id, "stage": stage},
        ):
            held = len(json.loads(reply)[key]) if used else 0
            if made[id_] != held:
                wrong.append((stage, id_, f"{held} to read", f"{made[id_]} rows"))
    return named("a reply that was not read exactly once", wrong)


def _made_of_replies(connection: Connection, run_id: str, table: str, stage: str) -> Counter[int]:
    rows = connection.execute(
        text(
            f"""SELECT completion_id FROM {table} WHERE run_id = :run UNION ALL
                SELECT completion_id FROM rejections WHERE run_id = :run AND stage = :stage"""  # noqa: S608 - names of ours
        ),
        {"run": run_id, "stage": stage},
    )
    return Counter(id_ for (id_,) in rows)


def repeated_events(connection: Connection, run_id: str) -> list[str]:
    """Find events that happen once in a run but were not recorded exactly once."""
    rows = connection.execute(
        text("SELECT kind, data FROM run_events WHERE run_id = :run"), {"run": run_id}
    )
    reported = Counter(f"{kind} {_json(data).get('status', '')}".strip() for kind, data in rows)
    once = ("status queued", "status running", "status succeeded", "preflight", "calibrated")
    return named("an event not recorded once", [(k, reported[k]) for k in once if reported[k] != 1])


def number(connection: Connection, sql: str, run_id: str) -> int:
    return int(connection.execute(text(sql), {"run": run_id}).scalar_one())


def _json(value: Any) -> dict[str, Any]:  # JSON: SQLite hands it over as text
    found: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found


def named(what: str, rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Say what is wrong, how often, and show the first few."""
    if not rows:
        return []
    shown = ", ".join(str(row) for row in rows[:_MOST_NAMED])
    return [f"{what} ({len(rows)}): {shown}{', ...' if len(rows) > _MOST_NAMED else ''}"]
