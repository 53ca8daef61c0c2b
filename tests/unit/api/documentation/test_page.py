"""The page /docs loads nothing from elsewhere, and its files are those of the named version."""

import hashlib
import re
from pathlib import Path

import app.api.documentation
from tests.unit.api.conftest import Service

FOLDER = Path(app.api.documentation.__file__).parent


def test_all_that_the_page_loads_comes_from_the_service(service: Service) -> None:
    page = service.http.get("/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert len(loaded) == 5
    for address in loaded:
        answer = service.http.get(f"/{address}")
        assert answer.status_code == 200, address
        assert answer.content, address
    kinds = {
        Path(one).suffix: service.http.get(f"/{one}").headers["Content-Type"] for one in loaded
    }
    assert kinds[".js"].startswith("text/javascript")
    assert kinds[".css"].startswith("text/css")
    script = service.http.get("/docs/assets/start.js").text
    assert 'url: "openapi.json"' in script
    assert "http" not in script
    assert service.http.get("/docs/assets/none.js").status_code == 404
    assert service.http.get("/docs/assets/..%2Fpage.py").status_code == 404


def test_the_policy_of_the_page_lets_it_reach_only_the_service(service: Service) -> None:
    policy = service.http.get("/docs").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"https?:|\*|unsafe-eval", policy)


def test_the_files_of_swagger_ui_are_those_that_the_readme_names() -> None:
    readme = (FOLDER / "README.md").read_text()
    named = dict(re.findall(r"\| `([^`]+)` \| `([0-9a-f]{64})` \|", readme))
    there = {one.name: hashlib.sha256(one.read_bytes()) for one in (FOLDER / "assets").iterdir()}
    assert named == {
        name: digest.hexdigest() for name, digest in there.items() if name != "start.js"
    }
