"""The address of an endpoint: OPENAI_BASE_URL, read and completed for each call."""

from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from app.errors import ConfigurationError

_CALLS = ("/chat/completions", "/completions")
_AZURE = (".azure.com", ".azure-api.net", ".azure.us", ".azure.cn")
_KEY_OF_AZURE = "api-key"


@dataclass(frozen=True, slots=True)
class Address:
    """A base address, without the login that it may have had."""

    url: str
    """Without a slash at its end, and without the query."""
    query: str
    """Such as ``api-version=2024-10-21``: it follows every path."""
    host: str
    """With the port; for messages."""
    hostname: str
    scheme: str
    login: str
    """``user:password``, still quoted; empty: none."""

    def of_call(self, path: str) -> str:
        """Return the whole address of a call; the path stands before the query."""
        return f"{self.url}{path}?{self.query}" if self.query else f"{self.url}{path}"

    @property
    def is_http(self) -> bool:
        """True when calls can be sent there at all."""
        return self.scheme in ("http", "https") and bool(self.hostname)


def read_address(base_url: str) -> Address:
    """Read OPENAI_BASE_URL; an address of whole calls is cut to its base.

    Raises:
        ConfigurationError: It has a blank or a line break inside, or is no address.
    """
    text = base_url.strip()
    if any(character.isspace() or not character.isprintable() for character in text):
        raise ConfigurationError("OPENAI_BASE_URL has a blank or a line break inside.")
    try:
        parts = urlsplit(text)
        _ = parts.port  # Checks that it is a number.
    except ValueError as error:
        raise ConfigurationError(f"OPENAI_BASE_URL is not an address: {error}.") from None
    login, _, host = parts.netloc.rpartition("@")
    path = parts.path.rstrip("/")
    for call in _CALLS:
        path = path.removesuffix(call).rstrip("/")
    url = SplitResult(parts.scheme, host, path, "", "").geturl()
    return Address(url, parts.query, host, parts.hostname or "", parts.scheme, login)


def authorization(address: Address, api_key: str) -> dict[str, str]:
    """Return the header with the key, as the endpoint wants it.

    Azure takes its keys in ``api-key``. Its gateways refuse a call that has ``Authorization``, too,
    unless that is a token of Entra ID.
    """
    path = urlsplit(address.url).path
    is_azure = address.hostname.endswith(_AZURE) or "/openai/deployments/" in path
    if api_key and is_azure and not api_key.startswith("eyJ"):
        return {_KEY_OF_AZURE: api_key}
    return {"Authorization": f"Bearer {api_key or 'none'}"}


def new_base(asked: str, location: str, path: str) -> str:
    """Return the address that OPENAI_BASE_URL should have after a redirect.

    Args:
        asked: The address that was asked.
        location: The ``Location`` of the answer; it may be relative.
        path: The path below the base, such as ``/chat/completions``.
    """
    target = urlsplit(urljoin(asked, location))
    before = target.path.rstrip("/").removesuffix(path)
    return target._replace(path=before, query="", fragment="").geturl()


def same_host(one: str, other: str) -> bool:
    """Return True when two addresses are the same server, so that it may get the key."""
    first, second = urlsplit(one), urlsplit(other)
    return (first.scheme, first.netloc) == (second.scheme, second.netloc)
