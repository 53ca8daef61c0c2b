"""A run at each provider and server of docs/endpoints.md, by defaults."""

from pathlib import Path

import pytest

from app.llm.dialects.shared import DialectMemory
from app.llm.openai_provider import OpenAIProvider
from app.llm.parallel.calls import Endpoint
from app.llm.provider import ProviderFactory
from app.llm.scripted.behaviours.combine import playing
from app.llm.scripted.server import scripted_server
from tests.bench import OpenBench
from tests.golden import check_golden
from tests.integration.endpoints.providers import PROVIDERS
from tests.integration.endpoints.runs import SMALL, given_up, work

PAGE = Path(__file__).parents[3] / "docs" / "endpoints.md"
BEGIN, END = "<!-- providers -->\n", "<!-- end of providers -->\n"


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_run_succeeds_by_defaults(open_bench: OpenBench, name: str) -> None:
    provider = PROVIDERS[name]
    script = playing(*provider.plays)
    with scripted_server(script, site=provider.site) as server:
        address = server.base_url + provider.query
        dialects = DialectMemory(address)

        def provider_for(model: str) -> ProviderFactory:
            return lambda: OpenAIProvider(address, "k", model, 30.0, dialects.of(model))

        endpoint = Endpoint("default", provider_for, dialects=dialects)
        with open_bench(script, endpoints=[endpoint], outage_patience_s=60.0) as bench:
            seen = work(bench, bench.start(**SMALL))
    assert (seen.status, seen.end_reason) == ("succeeded", "target_met"), seen.message
    assert given_up(seen) == 0
    assert seen.funnel.unknown == 0
    lessons = dialects.of("scripted").now.lessons
    assert {one.parameter for one in lessons if one.action != "raised"} == provider.learnt
    assert {can for can, is_so in (seen.capabilities or {}).items() if is_so} == provider.can


def table() -> str:
    """Return the table of docs/endpoints.md."""
    head = "provider or server", "address", "sent and read", "learnt from refusals", "not supported"
    rows = [head, ("---",) * len(head)]
    for name, one in PROVIDERS.items():
        learnt = ", ".join(f"`{parameter}`" for parameter in sorted(one.learnt)) or "nothing"
        unsupported = one.not_supported or "nothing"
        rows.append((name, f"`{one.base_url}`", one.sent, learnt, unsupported))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def test_the_page_of_endpoints_lists_what_is_played() -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    check_golden(PAGE, f"{before}{BEGIN}{table()}{END}{after}")
