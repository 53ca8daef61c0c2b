"""Keys never reach a log: in whatever form an address carries them."""

import logging
import time

from app.logging_setup import SafeFormatter
from app.without_keys import without_keys

KEY = "sb_0123456789abcdef012345_" + "5a" * 32


def test_keys_in_addresses_and_headers_are_hidden() -> None:
    for text in (
        "GET /v1/runs?api_key=VALUE&limit=1",
        "GET /v1/runs?limit=1&key=VALUE HTTP/1.1",
        "/docs?token=VALUE",
        "/docs?access_token=VALUE#top",
        "/v1/runs?Authorization=VALUE",
        "/v1/runs?apikey=VALUE",
        "/v1/runs?X-Api-Key=VALUE",
        '{"path": "/docs?token=VALUE", "status": 200}',
        "Authorization: Bearer VALUE",
        "postgresql://seedbed:VALUE@db/seedbed",
        "redis://:VALUE@broker:6379/0",
    ):
        hidden = without_keys(text.replace("VALUE", "s3cret-Value_1"))
        assert "s3cret" not in hidden, text
        assert hidden == text.replace("VALUE", "***")
    for text in (f"GET /v1/runs/{KEY}", f"{KEY}foo", f"x{KEY}", "/sb_local_" + "5a" * 32):
        assert "5a5a" not in without_keys(text), text


def test_other_text_stays() -> None:
    for text in ("GET /v1/runs?limit=1&status=running", "a key = value", "see https://a.b/c?d=e"):
        assert without_keys(text) == text


def test_the_time_for_a_long_address_does_not_grow_with_its_square() -> None:
    for piece in ("a.", "a-", "?a%", "x://a:", "authorization:", "sb_local_"):
        began = time.process_time()
        without_keys("GET /v1/" + piece * (200_000 // len(piece)))
        # It took minutes. The server logs each address in the thread that answers everybody.
        assert time.process_time() - began < 5, piece


def test_a_log_line_and_its_traceback_are_without_keys() -> None:
    formatter = SafeFormatter(logging.Formatter("%(message)s"))
    error = ValueError("no answer from /x?token=s3cret")
    trouble = (type(error), error, error.__traceback__)
    args = ("/v1?api_key=s3cret",)
    record = logging.LogRecord("uvicorn.access", 20, "", 0, "GET %s", args, trouble)
    assert "s3cret" not in formatter.format(record)
    assert "GET /v1?api_key=***" in formatter.format(record)
