"""Digests of the images that Dockerfile and Compose name, as their registries give them.

    python -m images.pin

Writes ``name:version@sha256:...`` in place of ``name:version``, and a fresh digest in place of an
old one. A digest is only written after the manifest was read and hashed. When a registry can't be
reached, no file is changed.
"""

import hashlib
import re
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
FILES = ("Dockerfile", "docker-compose.yml")
_HUB = "registry-1.docker.io"
_IMAGE = re.compile(
    r"^(?P<before>FROM +|\s+image: +)(?P<name>[\w./:-]*\w:[\w.-]+)"
    r"(?:@sha256:[0-9a-f]{64})?(?=\s|$)",
    re.MULTILINE,
)
_MANIFESTS = (
    # The list of all platforms first: its digest is right on each machine.
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_TIMEOUT_S = 30.0


class Unpinned(Exception):
    """The digest of an image can't be had; says why."""


def pin(folder: Path, client: httpx.Client) -> dict[str, str]:
    """Pin every image that the files in a folder name with a version.

    Returns:
        The digest of each image.

    Raises:
        Unpinned: A digest can't be had; no file was changed.
    """
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in FILES}
    images = sorted({found["name"] for text in texts.values() for found in _IMAGE.finditer(text)})
    digests = {image: _digest(image, client) for image in images}
    for name, text in texts.items():
        pinned = _IMAGE.sub(
            lambda found: f"{found['before']}{found['name']}@{digests[found['name']]}", text
        )
        (folder / name).write_text(pinned, encoding="utf-8")
    return digests


def _digest(image: str, client: httpx.Client) -> str:
    """Ask the image's registry for its manifest, and return the manifest's hash."""
    url = _manifest_url(image)
    headers = {"Accept": ", ".join(_MANIFESTS)}
    try:
        answer = client.get(url, headers=headers)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            headers["Authorization"] = f"Bearer {_token(answer, client)}"
            answer = client.get(url, headers=headers)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise Unpinned(f"The registry of {image} does not answer: {error}.") from error
    digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
    said = answer.headers.get("Docker-Content-Digest", digest)
    if said != digest:
        raise Unpinned(f"The registry calls the manifest of {image} {said}, but it is {digest}.")
    return digest


def _manifest_url(image: str) -> str:
    name, _, version = image.rpartition(":")
    host, slash, path = name.partition("/")
    # As engines read names: the first part is a host if it has a dot or a port.
    if not slash or not (set(".:") & set(host) or host == "localhost"):
        host, path = _HUB, name if slash else f"library/{name}"
    is_local = host.partition(":")[0] in {"localhost", "127.0.0.1"}
    return f"{'http' if is_local else 'https'}://{host}/v2/{path}/manifests/{version}"


def _token(refusal: httpx.Response, client: httpx.Client) -> str:
    """Fetch the token that a registry wants even for what is public."""
    challenge = dict(_CHALLENGE.findall(refusal.headers.get("WWW-Authenticate", "")))
    if "realm" not in challenge:
        raise Unpinned(f"{refusal.url.host} wants a login.")
    asked = {name: value for name, value in challenge.items() if name in {"service", "scope"}}
    answer = client.get(challenge["realm"], params=asked).raise_for_status()
    said = answer.json()
    return str(said.get("token") or said["access_token"])


def main() -> None:
    """Pin the images of this checkout, or say why that can't be done."""
    with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=True) as client:
        try:
            digests = pin(ROOT, client)
        except Unpinned as error:
            sys.exit(f"{error} No file was changed.")
    for image, digest in digests.items():
        sys.stdout.write(f"{image}@{digest}\n")


if __name__ == "__main__":
    main()
