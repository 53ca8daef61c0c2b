"""Errors as real vendors and servers send them: each body, its status, and the class it gets."""

import json
from typing import Any, NamedTuple

import pytest

from app.errors import ItemError, Outage, ParameterError, ProviderError, RunError, Throttled
from app.llm.classify_errors import Failure, classify
from app.llm.failures.error_bodies import failure_of_body
from app.llm.replies import read_reply

REQUEST = {
    "model": "m",
    "temperature": 0.7,
    "top_p": 0.9,
    "max_tokens": 300,
    "logprobs": True,
    "messages": [{"role": "user", "content": "Write a note about an unpaid invoice."}],
}


def trouble_of(status: int, body: object, **headers: str) -> ProviderError:
    """Classify an answer as the provider does, after a round trip through JSON."""
    body = json.loads(json.dumps(body))
    if status >= 300:
        return classify(failure_of_body(body, status, headers).of_request(REQUEST), now_at_s=0)
    assert isinstance(body, dict)
    try:
        answer = read_reply(body, "m", headers)
    except ProviderError as trouble:
        return trouble
    assert isinstance(answer, Failure), answer
    return classify(answer, now_at_s=0)


class Case(NamedTuple):
    vendor: str
    status: int
    body: Any  # JSON.
    says: str


def openai(message: str, **more: object) -> dict[str, object]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None} | more}


def gemini(code: int, message: str, status: str, *details: object) -> list[object]:
    return [{"error": {"code": code, "message": message, "status": status, "details": details}}]


def quota(*ids: str, delay: str = "47s") -> tuple[object, object]:
    violations = [{"quotaMetric": "generate_content_requests", "quotaId": one} for one in ids]
    failed = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}
    return failed, {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def openrouter(code: int, message: str, raw: object = None) -> dict[str, object]:
    text = raw if isinstance(raw, str) else json.dumps(raw)
    metadata = {"metadata": {"raw": text, "provider_name": "X"}} if raw else {}
    return {"error": {"message": message, "code": code} | metadata, "user_id": "user_1"}


QUOTA = "You exceeded your current quota, please check your plan and billing details."
CREDIT = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing"

ACCOUNT = (
    Case("Groq", 400, openai("Organization has been restricted. Please reach out to support if you"
         " believe this was in error.", code="organization_restricted"), "restricted"),
    Case("Portkey", 412, {"status": "failure", "message": "Portkey Error: Usage limits exceeded for"
         " the API key"}, "Usage limits exceeded"),
    Case("a code only", 200, {"choices": None, "error": "insufficient_quota"}, "quota"),
    Case("OpenAI", 429, openai(QUOTA, type="insufficient_quota", code="insufficient_quota"), QUOTA),
    Case("OpenAI", 400, openai("Billing hard limit has been reached",
         code="billing_hard_limit_reached"), "hard limit"),
    Case("OpenAI", 429, openai("Your account is not active, please check your billing details on"
         " our website.", type="billing_not_active", code="billing_not_active"), "not active"),
    Case("Anthropic", 400, openai(CREDIT), "credit balance"),
    Case("Anthropic", 400, {"type": "error", "error": {"type": "invalid_request_error",
         "message": "You have reached your specified API usage limits. You will regain access on"
         " 2026-08-01 at 00:00 UTC."}}, "usage limits"),
    Case("Anthropic", 400, openai("This organization has been disabled."), "disabled"),
    Case("DeepSeek", 402, openai("Insufficient Balance", type="unknown_error"), "Insufficient"),
    Case("DashScope", 400, {"error": {"code": "Arrearage", "type": "Arrearage", "message":
         "Access denied, please make sure your account is in good standing."}}, "good standing"),
    Case("DashScope", 403, {"code": "AllocationQuota.FreeTierOnly", "message": "The free tier of"
         " the model has been exhausted. If you wish to continue access the model on a paid basis,"
         " please disable the mode", "request_id": "r"}, "free tier"),
    Case("Moonshot", 429, {"error": {"message": "Your account org-x is suspended, please check"
         " your plan and billing details", "type": "exceeded_current_quota_error"}}, "suspended"),
    Case("Kimi", 403, {"error": {"type": "permission_error", "message": "You've reached your usage"
         " limit for this billing cycle. Your quota will be refreshed in the next cycle."},
         "type": "error"}, "billing cycle"),
    Case("Zhipu", 429, {"error": {"code": "1113", "message": "您的账户已欠费 请充值后重试"}},
         "欠费"),
    Case("Z.ai", 429, {"type": "error", "error": {"type": "rate_limit_error", "code": "1113",
         "message": "[1113][Insufficient balance or no resource package. Please recharge.]"}},
         "recharge"),
    Case("MiniMax", 200, {"id": "", "choices": None, "base_resp": {"status_code": 1008,
         "status_msg": "insufficient balance"}}, "insufficient balance"),
    Case("MiniMax", 500, {"type": "error", "error": {"type": "api_error",
         "message": "insufficient balance (1008)"}}, "insufficient balance"),
    Case("ModelScope", 429, {"error": {"http_code": "429", "message": "insufficient balance (1008)",
         "type": "insufficient_balance_error"}, "request_id": "x"}, "insufficient balance"),
    Case("SiliconFlow", 403, {"code": 30001, "message": "Sorry, your account balance is"
         " insufficient", "data": None}, "balance"),
    Case("Volcengine", 403, {"error": {"code": "AccountOverdueError", "message": "The request"
         " failed because your account has an overdue balance.", "param": "", "type": "Forbidden"}},
         "overdue"),
    Case("Volcengine", 429, {"error": {"code": "SetLimitExceeded", "message": "Your account [1] has"
         " reached the set inference limit for the [m] model, and the model service has been"
         " paused.", "type": "TooManyRequests"}}, "inference limit"),
    Case("xAI", 403, {"code": "The caller does not have permission to execute the specified"
         " operation", "error": "Your team t has either used all available credits or reached its"
         " monthly spending limit."}, "spending limit"),
    Case("xAI", 429, {"code": "Some resource has been exhausted", "error": "Your team t has either"
         " used all available credits or reached its monthly spending limit."}, "spending limit"),
    Case("OpenRouter", 402, openrouter(402, "This request requires more credits, or fewer"
         " max_tokens. You requested up to 8192 tokens, but can only afford 12."), "more credits"),
    Case("OpenRouter", 403, openrouter(403, "Key limit exceeded (total limit)."), "Key limit"),
    Case("OpenRouter", 200, openrouter(402, "Insufficient credits."), "Insufficient credits"),
    Case("OpenRouter, DeepSeek behind it", 429, openrouter(429, "Provider returned error",
         {"error": {"message": "Insufficient Balance", "code": "invalid_request_error"}}),
         "Insufficient Balance"),
    Case("Together", 402, openai("Credit limit exceeded, please navigate to billing"), "Credit"),
    Case("Fireworks", 412, {"error": {"object": "error", "type": "invalid_request_error",
         "message": "Account x is suspended, possibly due to reaching the monthly spending limit"
         " or failure to pay past invoices."}}, "suspended"),
    Case("Replicate", 402, {"title": "Insufficient credit", "detail": "You have insufficient credit"
         " to run this model.", "status": 402}, "insufficient credit"),
    Case("NVIDIA", 402, {"status": 402, "title": "Payment Required", "detail": "Account 'x': Cloud"
         " credits expired - Please contact NVIDIA representatives"}, "credits expired"),
    Case("LiteLLM", 400, openai("Budget has been exceeded! Current cost: 1.2, Max budget: 1.0",
         type="budget_exceeded", code="400"), "Budget"),
    Case("new-api", 403, openai("用户额度不足, 剩余额度: 0", type="new_api_error",
         code="insufficient_user_quota"), "额度不足"),
    Case("one-api", 403, openai("user quota is not enough", code="insufficient_user_quota"),
         "not enough"),
    Case("watsonx", 403, {"errors": [{"code": "token_quota_reached", "message": "This API key has"
         " reached its token quota"}], "trace": "t", "status_code": 403}, "token quota"),
    Case("Gemini", 403, gemini(403, "This API method requires billing to be enabled.",
         "PERMISSION_DENIED", {"reason": "BILLING_DISABLED"}), "billing"),
    Case("Hugging Face", 402, {"error": "You have exceeded your monthly included credits for"
         " Inference Providers."}, "credits"),
    Case("a trial", 400, openai("Your trial has expired. Please upgrade your plan."), "trial"),
    Case("prepaid credits", 500, openai("Your prepaid credits are depleted. Add funds to"
         " continue."), "depleted"),
    Case("funds", 400, openai("Your account does not have enough funds"), "funds"),
    Case("a wallet", 400, openai("Your wallet is empty"), "wallet"),
    Case("a spend cap", 400, openai("Your API key has reached its spend cap"), "spend cap"),
    Case("a plan", 400, openai("Access to this model requires a paid plan"), "paid plan"),
    Case("a month", 429, openai("Monthly quota exceeded for this key"), "Monthly"),
    Case("a suspended project", 403, gemini(403, "Consumer 'project:1' has been suspended.",
         "PERMISSION_DENIED", {"reason": "CONSUMER_SUSPENDED"}), "suspended"),
    Case("Tencent", 200, {"Response": {"Error": {"Code": "FailedOperation", "Message":
         "账户余额不足"}, "RequestId": "r"}}, "余额不足"),
)  # fmt: skip

DAYS = (
    Case("Gemini", 429, gemini(429, QUOTA, "RESOURCE_EXHAUSTED", *quota(
         "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
         "GenerateRequestsPerMinutePerProjectPerModel-FreeTier")), "quota"),
    Case("Bedrock", 429, {"message": "Too many tokens per day, please wait before trying again."},
         "per day"),
    Case("Cloudflare", 429, {"success": False, "errors": [{"code": 4006, "message": "you have used"
         " up your daily free allocation of 10,000 neurons, please upgrade"}], "result": None},
         "daily"),
    Case("Zhipu", 429, {"error": {"code": "1304", "message": "该API今日调用次数已达限额"}}, "今日"),
    Case("Baidu", 200, {"error_code": 17, "error_msg": "Open api daily request limit reached"},
         "daily"),
    Case("Cohere", 429, {"message": "You are using a Trial key, which is limited to 1000 API calls"
         " / month."}, "month"),
    Case("a free tier", 429, openai("You've reached your free tier limit for this month."),
         "this month"),
    Case("OpenRouter", 429, openrouter(429, "Rate limit exceeded: free-models-per-day. Add 10"
         " credits to unlock 1000 free model requests per day"), "per-day"),
)  # fmt: skip

THROTTLES = (
    Case("Groq's flex tier", 498, openai("Flex tier capacity exceeded. Please try again later.",
         type="capacity_exceeded"), "capacity exceeded"),
    Case("a code only", 200, {"choices": [], "error": "rate_limit_exceeded"}, "rate_limit"),
    Case("OpenAI", 429, openai("Rate limit reached for gpt-4o in organization o on tokens per min"
         " (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2s.",
         type="tokens", code="rate_limit_exceeded"), "TPM"),
    Case("OpenAI, busy", 503, openai("Slow down", type="server_error", code="slow_down"), "Slow"),
    Case("Gemini", 429, gemini(429, QUOTA, "RESOURCE_EXHAUSTED", *quota(
         "GenerateContentInputTokensPerModelPerMinute-FreeTier")), "quota"),
    Case("Gemini without details", 429, gemini(429, QUOTA, "RESOURCE_EXHAUSTED"), "quota"),
    Case("Vertex", 429, gemini(429, "Resource exhausted. Please try again later.",
         "RESOURCE_EXHAUSTED"), "exhausted"),
    Case("Anthropic", 429, {"type": "error", "error": {"type": "rate_limit_error", "message":
         "This request would exceed your organization's rate limit of 50,000 input tokens per"
         " minute."}}, "rate limit"),
    Case("Bedrock behind a gateway", 400, {"detail": "An error occurred (ThrottlingException) when"
         " calling the Converse operation: Too many tokens, please wait before trying again."},
         "Too many tokens"),
    Case("Bedrock", 400, {"__type": "ThrottlingException", "message": "Too many requests, please"
         " wait before trying again."}, "Too many requests"),
    Case("DashScope", 429, openai("Allocated quota exceeded, please increase your quota limit.",
         type="insufficient_quota", code="insufficient_quota"), "Allocated quota"),
    Case("DashScope", 400, {"code": "Throttling.RateQuota", "message": "Requests rate limit"
         " exceeded, please try again later.", "request_id": "r"}, "rate limit"),
    Case("Moonshot", 429, {"error": {"message": "Your account org-x request reached max"
         " organization concurrency: 1, please try again after 1 seconds", "type":
         "rate_limit_reached_error"}}, "concurrency"),
    Case("Moonshot, busy", 429, {"error": {"message": "The engine is currently overloaded, please"
         " try again later", "type": "engine_overloaded_error"}}, "overloaded"),
    Case("Zhipu", 400, {"error": {"code": "1302", "message": "您当前使用该API的并发数过高"}},
         "并发"),
    Case("MiniMax", 200, {"choices": None, "base_resp": {"status_code": 1002, "status_msg":
         "rate limit exceeded(RPM)"}}, "RPM"),
    Case("Baidu", 200, {"error_code": 18, "error_msg": "Open api qps request limit reached"},
         "qps"),
    Case("SiliconFlow", 429, {"message": "Request was rejected due to rate limiting. Details: TPM"
         " limit reached.", "data": None}, "TPM"),
    Case("Mistral", 429, {"object": "error", "message": "Service tier capacity exceeded for this"
         " model.", "type": "service_tier_capacity_exceeded", "code": "3505"}, "capacity"),
    Case("Databricks", 400, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "Exceeded workspace"
         " input tokens per minute rate limit."}, "per minute"),
    Case("GitHub", 403, {"message": "You have exceeded a secondary rate limit."}, "secondary"),
    Case("OpenRouter, choices null", 200, {"id": None, "choices": None, "usage": None} |
         openrouter(429, "Provider returned error", "Too Many Requests"), "Too Many Requests"),
    Case("a text code", 200, openai("Slow down", code="429"), "Slow down"),
    Case("an error in a choice", 200, {"choices": [{"message": {"content": ""}, "error":
         {"code": 429, "message": "Too many requests"}}]}, "Too many"),
    Case("Cloudflare", 200, {"success": False, "errors": [{"code": 3040, "message": "Capacity"
         " temporarily exceeded, please try again."}], "result": None}, "Capacity"),
    Case("Replicate", 429, {"detail": "Request was throttled. Expected available in 1 second."},
         "throttled"),
    Case("TGI", 429, {"error": "Model is overloaded", "error_type": "overloaded"}, "overloaded"),
    Case("Ollama behind a proxy", 500, {"error": "server busy, please try again. maximum pending"
         " requests exceeded"}, "busy"),
    Case("LiteLLM", 500, openai("litellm.RateLimitError: OpenAIException - Error code: 429 - {'err"
         "or': {'message': 'Rate limit reached for requests', 'code': 'rate_limit_exceeded'}}"),
         "Rate limit reached"),
    Case("new-api", 500, openai("当前分组上游负载已饱和 请稍后再试", type="new_api_error"), "饱和"),
    Case("a plain message", 200, {"message": "Too many requests"}, "Too many requests"),
    Case("FastAPI", 400, {"detail": "Concurrency limit of 4 reached"}, "Concurrency"),
    Case("Ollama's hour", 429, {"error": "you've reached your hourly usage limit, please upgrade to"
         " continue"}, "hourly"),
    Case("Volcengine", 429, {"error": {"code": "RequestBurstTooFast", "message": "The request"
         " failed because the ramp up is too fast"}}, "ramp up"),
    Case("a nested error", 200, {"data": {"error": {"code": 429, "message": "slow"}}}, "slow"),
    Case("JSON-RPC", 200, {"result": None, "error": {"code": -32000, "message": "server busy"}},
         "busy"),
    Case("Vertex's metric", 429, gemini(429, "Quota exceeded for generate_content_requests_per_minu"
         "te_per_project_per_base_model", "RESOURCE_EXHAUSTED"), "per_minute"),
    Case("Groq, a rolling day", 429, openai("Rate limit reached on tokens per day (TPD): Limit"
         " 500000, Used 499999, Requested 2000. Please try again in 3m27.5s."), "TPD"),
    Case("a gateway", 502, openai("upstream returned 429"), "429"),
    Case("a pace", 200, {"error": {"message": "You are sending requests too quickly."}},
         "too quickly"),
    Case("overloaded behind a gateway", 502, openai("Upstream overloaded"), "overloaded"),
)  # fmt: skip

OUTAGES = (
    Case("Anthropic", 529, {"type": "error", "error": {"type": "overloaded_error", "message":
         "Overloaded"}}, "Overloaded"),
    Case("Gemini", 503, gemini(503, "The model is overloaded. Please try again later.",
         "UNAVAILABLE"), "overloaded"),
    Case("vLLM, FastChat", 200, {"object": "error", "message": "The server is overloaded, try"
         " later", "type": "ServiceUnavailable", "code": 503}, "overloaded"),
    Case("OpenRouter", 200, {"choices": [{"finish_reason": "error", "message": {"content": ""},
         "error": {"code": 502, "message": "Upstream error from Chutes: crashed"}}]}, "Chutes"),
    Case("llama.cpp", 503, {"error": {"code": 503, "message": "Loading model", "type":
         "unavailable_error"}}, "Loading"),
    Case("Hugging Face", 503, {"error": "Model x is currently loading", "estimated_time": 20.0},
         "loading"),
    Case("MiniMax", 200, {"choices": None, "base_resp": {"status_code": 1013, "status_msg":
         "internal service error"}}, "internal"),
    Case("OpenAI", 200, openai("The server had an error", type="server_error"), "had an error"),
    Case("Ollama", 500, {"error": "llama runner process has terminated: exit status 2"}, "runner"),
    Case("Bedrock", 424, {"message": "The model returned an unexpected error"}, "unexpected"),
    Case("new-api", 503, openai("No available channel for model m under group default",
         code="model_not_found", type="new_api_error"), "channel"),
    Case("Envoy", 200, {"error": "upstream connect error or disconnect/reset before headers"},
         "upstream"),
    Case("no choices", 200, {"choices": []} | openai("Unavailable", code="503"), "Unavailable"),
    Case("CUDA", 500, openai("CUDA out of memory"), "CUDA"),
)  # fmt: skip

PEOPLE = (
    Case("Groq", 400, openai("The model `x` requires terms acceptance. Please have the org admin"
         " accept the terms at https://console.groq.com/playground?model=x",
         code="model_terms_required"), "terms acceptance"),
    Case("Ollama", 400, openai('"nomic-embed-text" does not support chat', type="api_error"),
         "does not support chat"),
    Case("Ollama", 500, openai("model requires more system memory (8.4 GiB) than is available"
         " (5.6 GiB)", type="api_error"), "use a smaller model"),
    Case("LM Studio", 400, {"error": "Failed to load model \"m\". Error: Model loading aborted due"
         " to insufficient system resources. Overloading the system will likely cause it to"
         " freeze."}, "use a smaller model"),
    Case("DashScope", 400, openai("parameter.enable_thinking must be set to false for non-streaming"
         " calls", code="invalid_parameter_error"), "--extra-body"),
    Case("Gemini's key", 400, gemini(400, "API key not valid. Please pass a valid API key.",
         "INVALID_ARGUMENT", {"reason": "API_KEY_INVALID"}), "Check OPENAI_API_KEY."),
    Case("Gemini's key", 400, gemini(400, "API key expired. Please renew the API key.",
         "INVALID_ARGUMENT"), "Check OPENAI_API_KEY."),
    Case("xAI's key", 400, {"code": "Client specified an invalid argument", "error": "Incorrect API"
         " key provided: xx."}, "Check OPENAI_API_KEY."),
    Case("Cohere's key", 401, {"message": "invalid api token"}, "Check OPENAI_API_KEY."),
    Case("Azure's key", 401, {"error": {"code": "401", "message": "Access denied due to invalid"
         " subscription key or wrong API endpoint."}}, "Check OPENAI_API_KEY."),
    Case("MiniMax's key", 200, {"base_resp": {"status_code": 1004, "status_msg": "login fail:"
         " Please carry the API secret key"}}, "Check OPENAI_API_KEY."),
    Case("Baidu's key", 200, {"error_code": 111, "error_msg": "Access token expired"},
         "Check OPENAI_API_KEY."),
    Case("Cloudflare's key", 403, {"success": False, "errors": [{"code": 10000, "message":
         "Authentication error"}]}, "Check OPENAI_API_KEY."),
    Case("Bedrock's key", 403, {"message": "The security token included in the request is expired"},
         "Check OPENAI_API_KEY."),
    Case("DashScope's key", 400, {"code": "InvalidApiKey", "message": "Invalid API-key provided."},
         "Check OPENAI_API_KEY."),
    Case("new-api's key", 400, openai("无效的令牌", type="new_api_error"), "Check OPENAI_API_KEY."),
    Case("Gemini's region", 400, gemini(400, "User location is not supported for the API use.",
         "FAILED_PRECONDITION"), "OPENAI_API_KEY"),
    Case("OpenAI's region", 403, openai("Country, region, or territory not supported",
         code="unsupported_country_region_territory"), "OPENAI_API_KEY"),
    Case("Bedrock's access", 400, {"message": "You don't have access to the model with the"
         " specified model ID."}, "OPENAI_API_KEY"),
    Case("Azure's deployment", 404, {"error": {"code": "DeploymentNotFound", "message": "The API"
         " deployment for this resource does not exist."}}, "SEEDBED_MODEL"),
    Case("SiliconFlow's model", 400, {"code": 20012, "message": "Model does not exist. Please check"
         " it carefully.", "data": None}, "SEEDBED_MODEL"),
    Case("Ollama's model", 404, {"error": "model 'x' not found"}, "SEEDBED_MODEL"),
    Case("LM Studio's model", 400, {"error": "No models loaded. Please load a model in the"
         " developer page."}, "SEEDBED_MODEL"),
    Case("OpenRouter's model", 404, openrouter(404, "No endpoints found for x/y."),
         "SEEDBED_MODEL"),
    Case("Cloudflare's model", 400, {"success": False, "errors": ["5007: No such model @cf/x"]},
         "SEEDBED_MODEL"),
    Case("LM Studio's path", 200, {"error": "Unexpected endpoint or method. (POST"
         " /chat/completions). Returning 200 anyway"}, "OPENAI_BASE_URL"),
    Case("nginx before TLS", 400, "<html>The plain HTTP request was sent to HTTPS port</html>",
         "must begin with https"),
    Case("a health page", 200, {"status": "ok"}, "OPENAI_BASE_URL"),
    Case("a welcome", 200, {"message": "ok"}, "OPENAI_BASE_URL"),
    Case("Ollama's version", 200, {"version": "0.5.1"}, "OPENAI_BASE_URL"),
    Case("a list of models", 200, {"object": "list", "data": [{"id": "m", "object": "model"}]},
         "OPENAI_BASE_URL"),
    Case("a key in other words", 400, openai("The API Key appears to be invalid or may have"
         " expired. Please verify your credentials."), "Check OPENAI_API_KEY."),
    Case("a status of its own", 200, {"code": 401, "msg": "token invalid", "data": None},
         "Check OPENAI_API_KEY."),
    Case("a model of another account", 400, openai("model 'x' is not supported when using this"
         " account"), "SEEDBED_MODEL"),
    Case("a model of the past", 400, openai("The model `m` has been retired."), "SEEDBED_MODEL"),
    Case("another one", 400, openai("The model m was discontinued, use n"), "SEEDBED_MODEL"),
    Case("an id", 400, openai("x is not a valid model ID"), "SEEDBED_MODEL"),
)  # fmt: skip

ITEMS = (
    Case("xAI", 403, {"code": "The caller does not have permission to execute the specified"
         " operation", "error": "Content violates usage guidelines. Team: x, Failed check:"
         " SAFETY_CHECK_TYPE_DATA"}, "filter refused"),
    Case("Gemini", 200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
         "usageMetadata": {"promptTokenCount": 20}}, "filter refused the prompt"),
    Case("Gemini, other names", 200, {"choices": [], "prompt_feedback": {"block_reason": "SAFETY"}},
         "filter refused the prompt (SAFETY)"),
    Case("Azure", 200, {"choices": [], "prompt_filter_results": [{"prompt_index": 0,
         "content_filter_results": {"hate": {"filtered": False}, "violence": {"filtered": True}}}]},
         "filter refused the prompt (violence)"),
    Case("OpenAI", 400, openai("This model's maximum context length is 8192 tokens. However, your"
         " messages resulted in 9000 tokens.", code="context_length_exceeded"), "8192"),
    Case("Bedrock", 400, {"message": "Input is too long for requested model."}, "too long"),
    Case("TGI", 422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be"
         " <= 4096. Given: 4000 `inputs` tokens and 200 `max_new_tokens`"}, "4096"),
    Case("SGLang", 400, {"object": "error", "message": "The input (5000 tokens) is longer than the"
         " model's context length (4096 tokens).", "type": "BadRequestError", "code": 400}, "5000"),
    Case("LM Studio", 400, {"error": "Trying to keep the first 5000 tokens when context the"
         " overflows. However, the model is loaded with context length of only 4096 tokens"},
         "4096"),
    Case("GitHub", 413, {"error": {"code": "tokens_limit_reached", "message": "Request body too"
         " large for gpt-4o model. Max size: 8000 tokens."}}, "8000"),
    Case("Groq", 413, openai("Request too large for model `m` on tokens per minute (TPM): Limit"
         " 6000, Requested 7000, please reduce your message size", type="tokens",
         code="rate_limit_exceeded"), "6000"),
    Case("OpenAI, larger than the limit", 429, openai("Request too large for gpt-4o on tokens per"
         " min (TPM): Limit 30000, Requested 45000.", code="rate_limit_exceeded"), "45000"),
    Case("Azure's filter", 400, openai("The response was filtered due to the prompt triggering"
         " Azure OpenAI's content management policy.", code="content_filter", innererror={
         "code": "ResponsibleAIPolicyViolation"}), "filter"),
    Case("DashScope's filter", 400, {"code": "DataInspectionFailed", "message": "Input data may"
         " contain inappropriate content."}, "filter"),
    Case("Moonshot's filter", 400, openai("The request was rejected because it was considered high"
         " risk", type="content_filter"), "filter"),
    Case("DeepSeek's filter", 400, openai("Content Exists Risk"), "filter"),
    Case("Zhipu's filter", 400, {"error": {"code": "1301", "message": "系统检测到输入或生成内容可能"
         "包含不安全或敏感内容"}}, "filter"),
    Case("OpenRouter's filter", 403, openrouter(403, "Your chosen model requires moderation and"
         " your input was flagged"), "filter"),
    Case("MiniMax's filter", 200, {"choices": None, "base_resp": {"status_code": 1026, "status_msg":
         "input new_sensitive"}}, "filter"),
    Case("a quotation of our text", 400, openai('The prompt contains "an unpaid invoice", which our'
         " editor dislikes"), "editor"),
    Case("a long quotation", 400, openai("Rejected by our editor: Write a note about an unpaid"
         " invoice."), "editor"),
    Case("a quotation of any text", 400, openai('The prompt contains "rate limit exceeded" and the'
         ' text "your account is suspended"'), "contains"),
    Case("Cloudflare about an input", 400, {"errors": [{"message": "AiError: Invalid input",
         "code": 5006}], "success": False, "result": {}}, "Invalid input"),
    Case("Baidu about an input", 200, {"error_code": 336003, "error_msg": "the max input characters"
         " is 2000"}, "2000"),
    Case("an answer that failed", 400, openai("The model returned an unknown error; a field was not"
         " found"), "unknown error"),
    Case("a single noun", 400, openai('The prompt contains "billing"'), "billing"),
    Case("no more than null", 200, {"choices": None, "usage": None}, "any choice"),
    Case("FastAPI about a text", 422, {"detail": [{"type": "string_too_long", "loc": ["body",
         "messages", 1, "content"], "msg": "String should have at most 100 characters", "input":
         "an unpaid invoice"}]}, "100 characters"),
    Case("Anthropic", 400, openai("input length and `max_tokens` exceed context limit: 190000 +"
         " 20000 > 200000"), "190000"),
    Case("OpenAI's policy", 400, openai("Invalid prompt: your prompt was flagged as potentially"
         " violating our usage policy.", code="invalid_prompt"), "flagged"),
)  # fmt: skip

PARAMETERS = (
    Case("Mistral", 422, {"object": "error", "message": {"detail": [{"type": "extra_forbidden",
         "loc": ["body", "logprobs"], "msg": "Extra inputs are not permitted", "input": True}]},
         "type": "invalid_request_error"}, "logprobs"),
    Case("FastAPI", 422, {"detail": [{"loc": ["body", "top_p"], "msg": "ensure this value is less"
         " than 1", "type": "value_error"}]}, "top_p"),
    Case("vLLM", 400, {"object": "error", "message": "[{'type': 'extra_forbidden', 'loc': ('body',"
         " 'logprobs'), 'msg': 'Extra inputs are not permitted', 'input': True}]", "type":
         "BadRequestError", "param": None, "code": 400}, "logprobs"),
    Case("OpenRouter", 400, openrouter(400, "Provider returned error", {"error": {"message":
         "Unsupported parameter: 'top_p' is not supported with this model.", "param": "top_p"}}),
         "top_p"),
    Case("in a reply with 200", 200, openai("temperature must be 1 for this model", code=400),
         "temperature"),
    Case("OpenRouter's routing", 404, openrouter(404, "No endpoints found that support the provided"
         " 'logprobs' parameter"), "logprobs"),
)  # fmt: skip

TABLE: dict[type[ProviderError], tuple[Case, ...]] = {
    RunError: (*ACCOUNT, *DAYS, *PEOPLE),
    Throttled: THROTTLES,
    Outage: OUTAGES,
    ItemError: ITEMS,
    ParameterError: PARAMETERS,
}
ROWS = [(kind, case) for kind, cases in TABLE.items() for case in cases]


@pytest.mark.parametrize(
    ("kind", "case"),
    ROWS,
    ids=[f"{kind.__name__}-{n}-{case.vendor}" for n, (kind, case) in enumerate(ROWS)],
)
def test_an_error_gets_its_class_and_keeps_the_words(kind: type[ProviderError], case: Case) -> None:
    trouble = trouble_of(case.status, case.body)
    assert isinstance(trouble, kind), trouble
    assert kind is ParameterError or not isinstance(trouble, ParameterError)
    assert case.says in str(trouble)


def test_an_account_and_a_daily_limit_say_what_to_do() -> None:
    for case in ACCOUNT:
        assert "credit or quota" in str(trouble_of(case.status, case.body)), case
    for case in DAYS:
        assert "per day is used up" in str(trouble_of(case.status, case.body)), case


def test_success_beside_empty_errors_is_an_answer() -> None:
    message = {"role": "assistant", "content": "Yes"}
    shapes: tuple[dict[str, object], ...] = (
        {"error": None},
        {"error": {}},
        {"error": ""},
        {"errors": []},
        {"success": True},
        {"code": 0, "message": "Success"},
        {"base_resp": {"status_code": 0, "status_msg": ""}},
        {"error_code": 0},
        {"error": {"code": 0, "message": ""}},
        {"error": {"code": None, "message": None}},
        {"error": "none"},
        {"detail": "ok", "message": "success", "code": 200},
    )
    for beside in shapes:
        reply = {"choices": [{"message": message, "finish_reason": "stop"}], **beside}
        answer = read_reply(reply, "m", {})
        assert not isinstance(answer, Failure), beside
        assert answer.text == "Yes"
