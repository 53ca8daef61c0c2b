"""The meaning of the codes and words of vendors, in one table.

Codes (fields such as ``error.code``) say what a failure is; words are read where codes say nothing.
A wording is a phrase about the account, the key or the load, never a single noun: a message may
quote a user's text about billing.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

from app.llm.failures.failure import Failure

Meaning: TypeAlias = Literal[
    "context", "filter", "account", "day", "rate", "busy", "key", "access", "model", "loads",
    "address", "broken",
]  # fmt: skip
"""``account``: no credit, or suspended. ``day``: a limit per day or month. ``rate``: a limit per
minute or second, or of calls in flight. ``busy``: overloaded. ``loads``: the server can't load the
model. ``broken``: the server failed."""


class Wording(NamedTuple):
    """The ways in which vendors say one thing."""

    codes: str
    """Pattern of codes, types and statuses in lower case."""
    words: str
    """Pattern of messages."""


_URL = re.compile(r"https?://\S+")

# Numbers: MiniMax (1000 to 2999), Baidu, and Zhipu (four digits, sent as texts). OpenAI, Anthropic,
# Gemini, Azure, Bedrock, DashScope, DeepSeek, Moonshot, Volcengine, xAI, Groq, Mistral, Cohere,
# Together, Fireworks, OpenRouter, SiliconFlow, Cloudflare, watsonx, Databricks, NVIDIA, GitHub,
# LiteLLM, new-api, vLLM, SGLang, llama.cpp, TGI, LM Studio and Ollama are in the tests.
_TABLE: Mapping[Meaning, Wording] = {
    "context": Wording(
        r"context_length|exceed_context_size|string_above_max_length|contextwindowexceeded"
        r"|tokens_limit_reached|\b1261\b|request_too_large|context_window",
        r"context[ _-](length|size|window)|maximum context|maximum (input|prompt) length"
        r"|(too many|number of) (input |prompt )?tokens (exceeds|is (greater|larger))"
        r"|too many (input|prompt) tokens|too many tokens in"
        r"|(prompt|input|messages?) (is|are) too (long|large)"
        r"|reduce the length|input (length|is longer)"
        r"|exceeds? the (maximum|model'?s?) .{0,30}tokens"
        r"|`?max_new_tokens`? must be <=|(body|prompt|request) too large for"
        r"|输入.{0,10}(过长|超过)|超过.{0,12}(最大长度|上下文)|prompt 超长",
    ),
    "filter": Wording(
        r"content_?filter|content_policy|responsibleaipolicy|moderation|datainspection"
        r"|sensitivecontent|sensitive_content|\b1301\b|minimax_102[67]|safety_check|\bflagged",
        r"content (management|filter|moderation|safety) (policy|system)|content[_ ]filter"
        r"|(input|prompt|content|request|text) (was |is |has been |were )?(flagged"
        r"|blocked by (the |our )"
        r"?(content|safety|filter))|considered high risk|requires moderation"
        r"|(inappropriate|sensitive|unsafe) content|violat\w+ .{0,30}(usage|content|safety)"
        r" (polic|guideline)"
        r"|敏感|不安全内容|内容.{0,6}(违规|审核)|content exists risk",
    ),
    "account": Wording(
        r"quota_?exceeded|insufficient_?(\w+_)?(quota|balance|credits?|funds)"
        r"|exceeded_current_quota|billing"
        r"|arrearage|accountoverdue|payment_required|budget_exceeded|setlimitexceeded"
        r"|(account|user|key)_?(deactivated|disabled|suspended)|access_terminated|quota_exhausted"
        r"|token_quota_reached|consumption_limit|freetieronly|free_quota_exceeded|credit_limit"
        r"|\b111[0-3]\b|minimax_1008|baidu_19\b|\b30001\b|consumer_suspended|spending_limit",
        r"(insufficient|not (have )?enough|no|low|zero|out of|exceeded)( \w+){0,2} (balance"
        r"|credits?|funds)\b"
        r"|(credit|account)?\s?balance (is )?(too low|insufficient|not enough|exhausted"
        r"|depleted|0\b)"
        r"|credits? (has |have |are |is )?(been )?(exhausted|expired|depleted|used up|run out)"
        r"|(used|exhausted|exceeded|depleted)( up)?( \w+){0,3} credits?\b|credit limit exceeded"
        r"|(quota|budget) (has been |is )?(not enough|exhausted|used up|depleted)|over budget"
        r"|trial( \w+){0,2} (has )?(expired|ended)"
        r"|requires a (paid|pro|premium) (plan|subscription)"
        r"|(free|monthly|total|trial|lifetime) quota"
        r"|budget (limit )?(has been |is )?(exceeded|reached)"
        r"|budget has been exceeded|exceededbudget|key limit exceeded|run out of (credits|quota)"
        r"|(spending|monthly|billing|(?<!hourly )usage|budget|hard) (hard )?limits?( ha(s|ve) been"
        r"| is)? (reached"
        r"|exceeded)"
        r"|(reached|exceeded|hit)( \w+){0,3} (spending|monthly|billing|(?<!hourly )usage"
        r"|budget|hard) limits?|(reached|exceeded|hit)( \w+){0,2} (spend(ing)?|budget) cap"
        r"|wallet (is )?(empty|exhausted)"
        r"|plans & billing to (upgrade|purchase)|payment (is )?(required|overdue|method)|past due"
        r"|overdue (balance|payment|bill)|in arrears|good standing|in debt|unpaid (invoice|bill)"
        r"|account.{0,80}(suspended|deactivated|disabled|overdue|not active|frozen|terminated"
        r"|banned|on hold)|organi[sz]ation (has been|is) (disabled|restricted|suspended)"
        r"|subscription (has )?(expired|inactive)"
        r"|inactive subscription"
        r"|(requires|enable|setup|set up|activate|add) (a )?(billing|payment)\b"
        r"|(please )?(recharge|top[ -]?up|purchase more credits|buy (more )?credits)"
        r"|欠费|余额不足|额度(不足|已用尽|已用完)|账户.{0,6}(停用|冻结|禁用|封禁)|请.{0,4}充值",
    ),
    "day": Wording(
        r"perday|per_day|daily|\b1304\b|baidu_17\b",
        r"per[- ]day|\bdaily\b|/ ?day|per[- ]month|/ ?month|tomorrow|free-models-per-day"
        r"|limit for (today|this month)"
        r"|今日|每日|当日|每天",
    ),
    "rate": Wording(
        r"rate_?limit|throttl|too_?many_?requests|perminute|per_minute|requestburst|slow_?down"
        r"|limit_requests|limit_burst|resource_?exhausted|request_limit_exceeded|qps|concurren"
        r"|\b130[23]\b|minimax_(1002|1039|2045)|baidu_(4|18|336501|336502|336503)\b",
        r"rate[ -]?limit|too many (concurrent )?requests|throttl|per[- ](minute|second|hour)"
        r"|/ ?(min|minute|second)\b|\b(TPM|RPM|QPS|ITPM|OTPM|TPS|RPS)\b|concurren(cy|t requests)"
        r"|too many tokens, please wait|allocated quota|requests? limit (reached|exceeded)"
        r"|request frequency|slow down|in[ -]flight requests"
        r"|requests? too (quickly|fast|often|frequently)|(returned|status|code|error):? 429\b"
        r"|频率|频繁|并发|限流|速率|限速",
    ),
    "busy": Wording(
        r"overload|\bbusy|capacity|\b1305\b|baidu_336100|unavailable|enginebusy|no_capacity",
        r"overload|(server|engine|model|system|service)\w* (is |are )?(currently |very |too )?busy"
        r"|(at|out of|over|exceeded|no|insufficient|temporarily) (available )?capacity"
        r"|capacity (temporarily )?(exceeded|limits?)|high (demand|traffic|load)|heavy load"
        r"|try again (later|shortly|in a (moment|few|minute))|temporarily (unavailable|limited)"
        r"|please wait|queue is full|maximum pending requests|no available (channel|replica|worker)"
        r"|稍后再试|稍后重试|繁忙|负载.{0,4}(饱和|过高|已满)|系统过载",
    ),
    "key": Wording(
        r"invalid_api_key|api_key_invalid|invalidapikey|incorrect_api_key|authentication_error"
        r"|authenticationerror|invalid_authentication|unauthenticated|unauthori[sz]ed|auth_error"
        r"|expiredtoken|unrecognizedclient|invalidsignature"
        r"|authentication_token_(expired|not_valid)"
        r"|invalid_token|token_expired|minimax_(1004|2049)|baidu_11[01]\b",
        r"api[ _-]?key.{0,24}\b(invalid|expired)\b"
        r"|api[ _-]?key\W{0,3} ?(is |was |has |you provided )?(not valid|not found|invalid|expired"
        r"|incorrect|missing|required|malformed|revoked|disabled|been|reported|unknown|wrong)"
        r"|(invalid|incorrect|expired|missing|wrong|bad|no|unknown|illegal|provide a valid|valid)"
        r"( \w+)? (x-)?(api[ _-]?(key|token)|auth(entication|orization)?( (key|token|header"
        r"|credentials))?\b|credentials|access token|bearer token|subscription key|security token)"
        r"|(access|security|auth\w*|bearer|api) token.{0,40}(expired|invalid|missing|not valid)"
        r"|authentication (failed|fails|error|required)|failed to authenticate|unauthori[sz]ed"
        r"|authorization failed|not authenticated|令牌.{0,8}(无效|过期|不存在)|无效的令牌|鉴权失败"
        r"|身份验证(失败|未通过)|密钥.{0,6}(无效|错误|过期)|token is unusable",
    ),
    "access": Wording(
        r"permission_?denied|permission_error|access_?denied|accessdeniedexception|not_authorized"
        r"|no_access|key_model_access_denied|unsupported_country|service_disabled|\b1220\b"
        r"|organization_must_be_verified",
        r"access (is |was )?denied|permission denied|not authorized|unauthorized (to|for)"
        r"|(does not|do not|don't|doesn't) have (access|permission)|no access to"
        r"|not available in your (country|region)|location is not supported|unsupported country"
        r"|country, region,? or territory|must be verified|has not been used in project"
        r"|not allowed to access|terms acceptance|(must|please) (first )?(accept|agree to) the"
        r" (terms|licen[sc]e)|无权|没有权限",
    ),
    "model": Wording(
        r"model_?not_?found|deploymentnotfound|model_not_supported|model_not_available"
        r"|modelnotopen|invalidendpointormodel|model_not_exist|model_decommissioned|\b1211\b",
        r"\bmodels?\b(?! (returned|response|output|produced|generated|failed))"
        r".{0,120}?(does not exist|doesn't exist|not found|not a valid|not exist"
        r"|(is|are) unknown|no longer available|decommissioned"
        r"|(has been|was|is) (retired|discontinued|shut down|sunset|removed)"
        r"|has been deprecated|is deprecated"
        r"|is not supported (by|when)|is not available|not loaded|has not been activated"
        r"|not activated)"
        r"|(unknown|invalid|no such|unsupported|not a valid) model\b|not a chat model"
        r"|does not support (chat|text generation|generate)\b"
        r"|no models? (are |is )?(currently )?loaded"
        r"|there is no 'model_name'|on-demand throughput isn.t supported"
        r"|no endpoints found|deployment .{0,60}does not exist|模型.{0,12}不存在",
    ),
    "loads": Wording(
        r"\bmodel_load_(failed|error)|failed_to_load_model",
        r"requires more (system |gpu |video )?memory|(failed|unable) to load (the )?model"
        r"|error (while )?loading (the )?model|insufficient system resources"
        r"|not enough (memory|vram|ram) to load",
    ),
    "address": Wording(
        r"unknown_url|route_not_found|invalid_url",
        r"unexpected endpoint|invalid url|no route|could not route|unknown (request )?(url|path)"
        r"|cannot post /|page not found|no such endpoint|resource not found|unknown endpoint"
        r"|endpoint not found|plain http request was sent to https|http request to an https",
    ),
    "broken": Wording(
        r"server_?error|internal|service_?unavailable|bad_gateway|upstream|timeout|timed_out"
        r"|\bapi_error|unavailable|provider_error|engine|minimax_(1000|1001|1013|1033)",
        r"internal (server )?error|service unavailable|bad gateway|gateway time|timed out"
        r"|provider returned error|upstream (error|connect)|model (has )?(crashed|unloaded)"
        r"|runner process has terminated|enginedead|out of memory|服务.{0,4}(异常|错误|不可用)",
    ),
}  # fmt: skip
_COMPILED = {
    meaning: (re.compile(found.codes), re.compile(found.words, re.IGNORECASE | re.DOTALL))
    for meaning, found in _TABLE.items()
}


def has_code(failure: Failure, meaning: Meaning) -> bool:
    """Return True when a code of the reply means this."""
    return bool(failure.code and _COMPILED[meaning][0].search(failure.code))


def has_words(failure: Failure, meaning: Meaning) -> bool:
    """Return True when the provider's own words mean this."""
    return bool(_COMPILED[meaning][1].search(_without_urls(failure.said)))


def means(failure: Failure, meaning: Meaning) -> bool:
    """Return True when a code or the words mean this."""
    return has_code(failure, meaning) or has_words(failure, meaning)


@lru_cache(maxsize=64)
def _without_urls(said: str) -> str:
    # Links to pages about rate limits or billing stand in all kinds of messages.
    return _URL.sub(" ", said)
