"""Addresses as people write them into OPENAI_BASE_URL."""

import pytest

from app.errors import ConfigurationError
from app.llm.address import authorization, new_base, read_address

CALLS = {
    "https://api.example.com/v1": "https://api.example.com/v1/chat/completions",
    "https://api.example.com/v1/": "https://api.example.com/v1/chat/completions",
    " https://api.example.com/v1\n": "https://api.example.com/v1/chat/completions",
    "https://api.example.com/v1/chat/completions": "https://api.example.com/v1/chat/completions",
    "http://[::1]:8000/v1": "http://[::1]:8000/v1/chat/completions",
    "http://user:p@host:1/v1": "http://host:1/v1/chat/completions",
    "https://x.openai.azure.com/openai/deployments/d?api-version=2024-10-21": (
        "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21"
    ),
    "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=1": (
        "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=1"
    ),
    "https://x.openai.azure.com/openai/v1/": (
        "https://x.openai.azure.com/openai/v1/chat/completions"
    ),
}


@pytest.mark.parametrize("base_url", CALLS)
def test_a_call_goes_below_the_address(base_url: str) -> None:
    assert read_address(base_url).of_call("/chat/completions") == CALLS[base_url]


@pytest.mark.parametrize("base_url", ["http://host /v1", "http://host/v1\nx", "http://host\t/v1"])
def test_a_blank_inside_is_a_fault_of_the_settings(base_url: str) -> None:
    with pytest.raises(ConfigurationError, match="OPENAI_BASE_URL has a blank"):
        read_address(base_url)


@pytest.mark.parametrize("base_url", ["http://[broken/v1", "http://host:port/v1"])
def test_what_is_no_address_is_a_fault_of_the_settings(base_url: str) -> None:
    with pytest.raises(ConfigurationError, match="OPENAI_BASE_URL is not an address"):
        read_address(base_url)


@pytest.mark.parametrize(
    ("base_url", "key", "expected"),
    [
        ("https://api.example.com/v1", "sk-1", {"Authorization": "Bearer sk-1"}),
        ("https://api.example.com/v1", "", {"Authorization": "Bearer none"}),
        ("https://x.openai.azure.com/openai/v1", "k", {"api-key": "k"}),
        ("https://x.services.ai.azure.com/openai/v1", "k", {"api-key": "k"}),
        ("http://gateway/openai/deployments/d?api-version=1", "k", {"api-key": "k"}),
        ("https://x.openai.azure.com/openai/v1", "eyJhb", {"Authorization": "Bearer eyJhb"}),
        ("https://azure.com.example.org/v1", "k", {"Authorization": "Bearer k"}),
    ],
)
def test_azure_gets_its_key_in_a_header_of_its_own(
    base_url: str, key: str, expected: dict[str, str]
) -> None:
    assert authorization(read_address(base_url), key) == expected


@pytest.mark.parametrize(
    ("location", "base"),
    [
        ("/v2/chat/completions", "http://a/v2"),
        ("https://b/v1/chat/completions", "https://b/v1"),
        ("https://b/v1/chat/completions?x=1", "https://b/v1"),
        ("https://b/login", "https://b/login"),
    ],
)
def test_the_new_address_is_the_one_to_set(location: str, base: str) -> None:
    assert new_base("http://a/v1/chat/completions", location, "/chat/completions") == base
