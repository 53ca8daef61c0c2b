"""Connections on which something arrives that is not HTTP: the answer is a problem detail, too."""

from http import HTTPStatus

import h11

from app.api.problems import MEDIA_TYPE, Problem
from app.api.response_headers import STRICT_HEADERS
from app.api.security.owner import PeerProtocol

_MAY_ANSWER = frozenset({h11.IDLE, h11.SEND_RESPONSE})
_DETAIL = (
    "This is not a valid HTTP request, or its address and headers together are longer than 64 KiB."
)


class StrictProtocol(PeerProtocol):
    """A connection that answers what it cannot read."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words
        """Answer and close; only close when another answer has begun on this connection."""
        if self.conn.our_state in _MAY_ANSWER:
            for event in _ANSWER:
                self.transport.write(self.conn.send(event))
        self.transport.close()


def _answer() -> tuple[h11.Response, h11.Data, h11.EndOfMessage]:
    status = HTTPStatus.BAD_REQUEST
    problem = Problem(title=status.phrase, status=status, detail=_DETAIL, instance="/")
    body = problem.model_dump_json().encode()
    headers = {
        **STRICT_HEADERS,
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    return (
        h11.Response(status_code=status, headers=sent, reason=status.phrase.encode()),
        h11.Data(data=body),
        h11.EndOfMessage(),
    )


_ANSWER = _answer()
