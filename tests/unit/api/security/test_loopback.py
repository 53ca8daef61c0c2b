"""What passes for this machine's user, and what only looks like it."""

import pytest
from starlette.requests import HTTPConnection

from app.api.security.loopback import from_this_machine, is_loopback, why_not_local


def asked(
    method: str = "GET",
    client: str | None = "127.0.0.1",
    server: str = "127.0.0.1",
    host: str | None = "127.0.0.1:8000",
    **headers: str,
) -> HTTPConnection:
    named = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return HTTPConnection(
        {
            "type": "http",
            "method": method,
            "path": "/v1/runs",
            "client": None if client is None else (client, 50_000),
            "server": (server, 8000),
            "headers": [
                (name.encode(), value.encode())
                for name, value in named.items()
                if value is not None
            ],
        }
    )


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("0:0:0:0:0:0:0:1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("LocalHost", True),
        ("0.0.0.0", False),  # noqa: S104 nothing is bound
        ("::", False),
        ("", False),
        ("192.0.2.7", False),
        ("::ffff:192.0.2.7", False),
        ("fe80::1%lo", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("2130706433", False),
    ],
)
def test_loopback_is_known_by_its_address(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    "connection",
    [
        asked(),
        asked("POST"),
        asked(client="::1", server="::1", host="[::1]:8000"),
        asked(host="localhost"),
        asked(host="LOCALHOST:8000"),
        asked("POST", host="localhost:8000", origin="http://localhost:8000"),
        asked("POST", host="127.0.0.1:8000", origin="https://127.0.0.1:8000"),
        asked("POST", sec_fetch_site="same-origin"),
        asked("POST", sec_fetch_site="none"),
        asked("GET", origin="https://example.com", sec_fetch_site="cross-site"),
    ],
)
def test_the_user_of_this_machine_is_served_without_a_key(connection: HTTPConnection) -> None:
    assert why_not_local(connection) is None


@pytest.mark.parametrize("client", ["192.0.2.7", "fd00::7", "127.0.0.1.example.com", "", None])
def test_a_client_from_elsewhere_is_not_local(client: str | None) -> None:
    assert "another machine" in str(why_not_local(asked(client=client)))


def test_a_client_from_elsewhere_stays_there_whatever_it_says() -> None:
    claims = {"x_forwarded_for": "127.0.0.1", "x_real_ip": "127.0.0.1", "forwarded": "for=::1"}
    for name, value in claims.items():
        assert why_not_local(asked(client="192.0.2.7", **{name: value})) is not None


@pytest.mark.parametrize(
    "header",
    [
        "forwarded",
        "x_forwarded_for",
        "x_forwarded_host",
        "x_forwarded_proto",
        "x_forwarded_port",
        "x_forwarded_server",
        "x_forwarded_ssl",
        "x_real_ip",
        "do-connecting-ip",
        "ali-cdn-real-ip",
        "x-client-port",
        "x-request-start",
        "via",
        "cf_connecting_ip",
        "cf_ray",
        "true_client_ip",
        "x_client_ip",
        "x_cluster_client_ip",
        "x_original_forwarded_for",
        "x_envoy_external_address",
        "x_amzn_trace_id",
        "fly_client_ip",
        "fastly_client_ip",
        "front_end_https",
        "proxy_connection",
        "cdn_loop",
        "tailscale_user_login",
    ],
)
def test_what_a_proxy_of_this_machine_brings_is_not_local(header: str) -> None:
    assert "proxy" in str(why_not_local(asked(**{header: "127.0.0.1"})))


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example.com",
        "rebound.example.com:8000",
        "localhost.example.com",
        "0.0.0.0:8000",
        "192.0.2.7:8000",
        "user@127.0.0.1",
        "127.0.0.1:8000:8000",
        "[127.0.0.1",
        "",
        None,
    ],
)
def test_a_name_that_was_made_to_point_here_is_not_local(host: str | None) -> None:
    assert "localhost" in str(why_not_local(asked(host=host)))


def test_two_hosts_at_once_are_not_local() -> None:
    connection = asked()
    connection.scope["headers"].append((b"host", b"localhost"))
    assert why_not_local(HTTPConnection(connection.scope)) is not None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://example.com"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://localhost:8000"},
        {"origin": "http://[broken"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_a_foreign_page_cannot_change_anything(method: str, headers: dict[str, str]) -> None:
    assert "web page" in str(why_not_local(asked(method, **headers)))


@pytest.mark.parametrize(
    ("client", "server", "ours"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("::1", "::1", True),
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.8", "192.0.2.7", False),
        ("192.0.2.8", "127.0.0.1", False),
        (None, "127.0.0.1", False),
    ],
)
def test_both_ends_on_one_machine_are_seen(client: str | None, server: str, ours: bool) -> None:
    assert from_this_machine(asked(client=client, server=server)) is ours
