"""What a row cost, and what is not known of it."""

from app.statistics.run_facts import RunFacts


def _facts(rows: int, cost_usd: float | None) -> RunFacts:
    return RunFacts(
        run_id="run_1", profile="default", accepted=9, rows=rows, calls=20, cost_usd=cost_usd
    )


def test_a_row_s_cost_is_its_share_of_the_run_s() -> None:
    assert _facts(8, 2.0).cost_per_row_usd == 0.25


def test_a_row_s_cost_is_unknown_without_the_run_s_cost_or_without_rows() -> None:
    assert _facts(8, None).cost_per_row_usd is None
    assert _facts(0, 2.0).cost_per_row_usd is None


def test_the_cost_of_a_row_is_in_the_json_and_reads_back() -> None:
    facts = _facts(8, 2.0)
    assert '"cost_per_row_usd":0.25' in facts.model_dump_json()
    assert RunFacts.model_validate_json(facts.model_dump_json()) == facts
