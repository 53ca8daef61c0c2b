"""What llama.cpp's server says, and what becomes of it; a server of its form says it here."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.dataset_row import Record
from app.errors import InvalidInput, SeedbedError, StackError, TooLong
from app.serving.answerer import Question
from app.serving.llama_answerer import LlamaAnswerer
from app.serving.tuned_model import TunedModel
from app.training.plain.options import TrainingOptions
from app.training.plain.sampling_options import AnswerChunk, SamplingOptions

Json = dict[str, Any]
LAST = {"content": "", "stop": True, "stop_type": "eos", "tokens_predicted": 3}


@contextmanager
def model_server(answer: Callable[[Json], tuple[int, bytes]]) -> Iterator[str]:
    """A token a byte; completions as `answer` says."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, content = 200, json.dumps({"tokens": list(body.get("content", "").encode())})
            sent = content.encode()
            if self.path == "/completion":
                status, sent = answer(body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def events(*reported: Json) -> bytes:
    return b"".join(
        b"data: " + json.dumps(each, ensure_ascii=False).encode() + b"\n\n" for each in reported
    )


def always(said: bytes, status: int = 200) -> Callable[[Json], tuple[int, bytes]]:
    return lambda _: (status, said)


def chunks(url: str, folder: Path, question: Question) -> list[AnswerChunk]:
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "\0"}))
    tuned = TunedModel("x", folder, TrainingOptions(), folder / "adapter.gguf", folder)
    answerer = LlamaAnswerer(url, tuned, check=lambda: None)
    try:
        return list(answerer.answer(question).chunks)
    finally:
        answerer.close()


def test_a_question_is_put_as_tokens_with_the_adapter_on_or_off(tmp_path: Path) -> None:
    bodies: list[Json] = []

    def answer(body: Json) -> tuple[int, bytes]:
        bodies.append(body)
        return 200, events(LAST)

    row = Record("Do it.", "")
    sampling = SamplingOptions(0.5, 0.9, ("x",), 7, 0.1, 0.2)
    with model_server(answer) as url:
        chunks(url, tmp_path, Question(row, True, sampling, 5, {"type": "integer"}, 0))
        chunks(url, tmp_path, Question(row, False))
    prompt = bytes(bodies[0].pop("prompt")).decode()
    assert prompt.endswith("### Instruction:\nDo it.\n\n### Response:\n")
    assert bodies[0] == {
        "n_predict": 5,
        "lora": [{"id": 0, "scale": 1.0}],
        "stream": True,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 0,
        "min_p": 0.0,
        "repeat_penalty": 1.0,
        "repeat_last_n": 4096,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "stop": ["x"],
        "seed": 7,
        "n_probs": 1,
        "json_schema": {"type": "integer"},
    }
    assert bodies[1]["lora"] == [{"id": 0, "scale": 0.0}]
    assert bodies[1]["n_predict"] == 4096 - len(prompt)
    assert "json_schema" not in bodies[1]


def test_pieces_come_as_they_are_and_the_last_says_how_it_ended(tmp_path: Path) -> None:
    # A line separator of Unicode is no end of a line here.
    words = [{"content": "a\u2028b", "stop": False}, {"content": "é", "stop": False}]
    question = Question(Record("x", ""), tuned=True)
    for stop_type, reason in (("eos", "stop"), ("word", "stop"), ("limit", "length")):
        with model_server(always(events(*words, {**LAST, "stop_type": stop_type}))) as url:
            found = chunks(url, tmp_path, question)
        assert "".join(chunk.text for chunk in found) == "a\u2028bé"
        assert (found[-1].finish_reason, found[-1].tokens) == (reason, 3)


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (400, b'{"error": {"message": "no such field", "type": "x"}}', InvalidInput),
        (400, b'{"error": {"message": "full", "type": "exceed_context_size_error"}}', TooLong),
        (500, b"broken", StackError),
        (200, b'error: {"message": "broken"}\n\n', StackError),
        (200, b'data: {"error": {"message": "broken"}}\n\n', StackError),
    ],
)
def test_its_refusals_keep_their_words(
    status: int, said: bytes, kind: type[SeedbedError], tmp_path: Path
) -> None:
    with model_server(always(said, status)) as url, pytest.raises(kind) as caught:
        chunks(url, tmp_path, Question(Record("x", ""), tuned=True))
    assert type(caught.value) is kind
    assert any(word in str(caught.value) for word in ("no such field", "full", "broken"))


def test_an_adapter_without_its_tokenizer_is_refused(tmp_path: Path) -> None:
    tuned = TunedModel("x", tmp_path, TrainingOptions(), tmp_path / "adapter.gguf", tmp_path)
    with pytest.raises(InvalidInput, match="tokenizer files of the adapter"):
        LlamaAnswerer("http://127.0.0.1:9", tuned, check=lambda: None)


@pytest.mark.parametrize("said", [[], [{"content": "half", "stop": False}]])
def test_an_answer_that_breaks_off_is_no_answer(said: list[Json], tmp_path: Path) -> None:
    with (
        model_server(always(events(*said))) as url,
        pytest.raises(StackError, match="ended its answer early"),
    ):
        chunks(url, tmp_path, Question(Record("x", ""), tuned=True))
