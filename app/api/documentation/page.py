"""The page `/docs` and its files: Swagger UI, served by the service itself."""

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from app.api.response_headers import page_headers
from app.errors import NotFound

PAGE = "/docs"
DOCUMENT = "/openapi.json"
_MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "swagger-ui-bundle.js": "text/javascript",
        "start.js": "text/javascript",
        "swagger-ui.css": "text/css",
        "favicon-32x32.png": "image/png",
    }
)
ADDRESSES = frozenset({PAGE, DOCUMENT, *(f"{PAGE}/assets/{name}" for name in _MEDIA_TYPES)})
"""The page, the document that it shows, and its files."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
_FOLDER = files(__package__)
_UNTIL_CHANGED = "no-cache"

router = APIRouter(include_in_schema=False)


@router.get(PAGE)
def get_page() -> HTMLResponse:
    """Get the page."""
    return HTMLResponse(_FOLDER.joinpath("page.html").read_bytes(), headers=page_headers(_POLICY))


@router.get(f"{PAGE}/assets/{{name}}")
def get_asset(name: str) -> Response:
    """Get one of its files."""
    media_type = _MEDIA_TYPES.get(name)
    if media_type is None:
        raise NotFound("file", name)
    content = _FOLDER.joinpath("assets", name).read_bytes()
    headers = {"Cache-Control": _UNTIL_CHANGED}
    return Response(content, media_type=media_type, headers=headers)
