"""A `Request` as the JSON body of an OpenAI-compatible call."""

from app.pipeline.types import ChatPrompt, Parameters, Request


def request_body(request: Request, model: str) -> tuple[str, dict[str, object]]:
    """Return the path below ``/v1`` and the JSON body, before any `Dialect` changes it.

    The body is without the request's own further fields, which no dialect changes.
    """
    path, body = _own_body(request, model)
    return path, {name: value for name, value in body.items() if name not in request.extra_body}


def _own_body(request: Request, model: str) -> tuple[str, dict[str, object]]:
    prompt, parameters = request.prompt, request.parameters
    body: dict[str, object] = {"model": model}
    if not isinstance(prompt, ChatPrompt):
        body |= {"prompt": prompt.text, "max_tokens": parameters.max_tokens}
        if parameters.top_logprobs is not None:
            body["logprobs"] = parameters.top_logprobs
        return "/completions", body | _sampling(parameters)
    body["messages"] = [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
    body["max_tokens"] = parameters.max_tokens
    if parameters.top_logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": parameters.top_logprobs}
    if prompt.schema is not None:
        # Only strict guarantees the schema; every property must be required, and no others allowed.
        form = {"name": "answer", "strict": True, "schema": dict(prompt.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    return "/chat/completions", body | _sampling(parameters)


def _sampling(parameters: Parameters) -> dict[str, object]:
    """Return the parameters that differ from the API's defaults.

    Strict endpoints refuse parameters that they do not know. The temperature is always sent: every
    server accepts 1, but servers have other defaults (llama.cpp 0.8, vLLM the model's own).
    """
    body: dict[str, object] = {"temperature": parameters.temperature}
    # At temperature 0 it changes nothing, and servers refuse some of its values.
    if parameters.top_p != 1 and parameters.temperature > 0:
        body["top_p"] = parameters.top_p
    if parameters.presence_penalty:
        body["presence_penalty"] = parameters.presence_penalty
    if parameters.frequency_penalty:
        body["frequency_penalty"] = parameters.frequency_penalty
    if parameters.stop:
        body["stop"] = list(parameters.stop)
    if parameters.seed is not None:
        body["seed"] = parameters.seed
    return body
