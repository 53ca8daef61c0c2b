"""Which parameter of a request an endpoint refuses.

Endpoints refuse parameters with many statuses (also 403 and 500) and in many words. A refusal that
names a parameter we sent is about this parameter, so the name decides and not the status.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from app.llm.failures.failure import Failure


class Refused(NamedTuple):
    """A refused parameter."""

    parameter: str | None
    """Its name as it was sent; ``system``: the system message. None: the reply names none."""
    keyword: str | None = None
    """The keyword of the JSON schema that is refused, as in the schema; None: the whole of it."""

    @property
    def is_further_field(self) -> bool:
        """Return True when it is a field that a person added to the requests."""
        return self.parameter is not None and self.parameter not in _NAMES


SYSTEM = "system"
"""The name that stands for the system message."""

# How endpoints call a parameter, which is not always the name that was sent.
_LENGTH = r"max_?(completion_|output_|new_|gen_)?tokens|max(Output|Completion)Tokens"
_NAMES = {
    "temperature": r"temperature",
    "top_p": r"top[_-]?p\b|nucleus sampling",
    "presence_penalty": r"presence[_ ]?penalty|(?<!frequency )\bpenalt(y|ies)\b",
    "frequency_penalty": r"frequency[_ ]?penalty|(?<!presence )\bpenalt(y|ies)\b",
    "logprobs": r"(top[_ ]?|response_?)?log[_ ]?prob(s|abilities)?|top_n_tokens",
    "top_logprobs": r"top[_ ]?log[_ ]?probs|top_n_tokens",
    "response_format": (
        r"response[_ .]?(format|schema|mime_?type)|json[_ ]?(schema|mode|object|output)"
        r"|structured[_ ]outputs?|guided[_ ](json|decoding)|output[_ ](format|config|schema)"
        r"|\bgrammar\b|\bschema\b"
    ),
    "stop": (
        r"\bstop[_ ]?(sequence|word|string|token)s?|[\"'`]stop[\"'`]|\bstop\b(?= (param|arg|field))"
        r"|\bstop\b(?= (is|was|must))|(?<=model: )stop\b|(?<=parameter )stop\b"
        r"|^stop(?=: )|(?<=parameter: )stop\b|(?<=supplied: )stop\b"
    ),
    "seed": r"[\"'`](random_)?seed[\"'`]|\b(random_)?seed\b",
    "max_tokens": _LENGTH,
    "max_completion_tokens": _LENGTH,
    SYSTEM: (
        r"system[_ ](role|message|prompt|instruction)s?|roles?:? ?[\"'`]?system\b"
        r"|[\"'`]system[\"'`]|developer instructions?|systemInstruction"
        r"|roles must alternate|only user(,| and) assistant|\bgot [\"'`]?system\b"
    ),
}
_NO_PARAMETERS = ("model", "messages", "prompt", "input", "inputs", "none", "null", "")
_REFUSAL = re.compile(
    r"\bnot (currently |yet |be )?(support|permit|allow|enabled|available|implement|accept|recogni"
    r"|valid|compatible|possible)|n't (currently |yet )?(support|permit|allow|accept|available)"
    r"|un-?supported|unrecogni[sz]ed|unknown|unexpected|unavailable|extra (input|field|key|param)"
    r"|extraneous|\binvalid|illegal|\b(must|should) (not )?(be|contain|have)\b"
    r"|\bcan(not|'t)( both)? be\b|\b(can|may) (only|not)\b|enabled only"
    r"|\brequires? .{0,40}\bto be\b"
    r"|\bonly (supports?|accepts?|allows?|the default|one of)|deprecated|please remove"
    r"|\d ?[<>]=? ?\d|\bmust alternate|\bis required|\bmax(imum)?\b|\bonly user\b"
    r"|\bhas to be\b|cannot unmarshal|strictly positive"
    r"|too (large|high|low|small|big|many|long)|(greater|less|larger|smaller|higher|more) than"
    r"|supports (up to|at most|only)"
    r"|out of range|\brange\b|exceed|forbidden|cannot find field|failed to (parse|compile)"
    r"|no (longer )?support|incompatible|disabled|no endpoints? found that"
    r"|could ?n.t (parse|compile)|is not permitted"
    r"|不支持|不允许|无效|非法|必须|超出|范围|未知|取值|有误",
    re.IGNORECASE,
)
_NEAR = 90
"""Most characters between the name of a parameter and the words that refuse it."""
_BOTH = re.compile(r"\bboth\b|only one of|either .{0,40}\bor\b|use only one", re.IGNORECASE)
_CODES = ("unsupported_parameter", "unsupported_value", "unknown_parameter", "unsupportedparam")
_UNNAMED = re.compile(
    r"(unsupported|unrecogni[sz]ed|unknown|unexpected|extra|extraneous) (request )?"
    r"(parameter|argument|field|keyword|key|input)|invalid (request )?(parameter|argument|keyword)"
    r"|extra inputs are not permitted"
    r"|unknown name \"|can handle the requested parameters|(does not|doesn't) support parameters",
    re.IGNORECASE,
)
_KEYWORD = re.compile(
    r"\b(additional_?properties|max_?items|min_?items|unique_?items|min_?length|max_?length"
    r"|exclusive_?minimum|exclusive_?maximum|multiple_?of|any_?of|one_?of|all_?of"
    r"|pattern_?properties|property_?names|min_?properties|max_?properties|prefix_?items"
    r"|min_?contains|max_?contains)\b|(\$(ref|defs|schema)\b)",
    re.IGNORECASE,
)
_QUOTED_KEYWORD = re.compile(
    r"[\"'`](enum|const|minimum|maximum|pattern|format|default|title|description|not|strict)[\"'`]"
)
_NOT_ABOUT_PARAMETERS = (401, 402, 408, 429)


def refused_parameter(failure: Failure) -> Refused | None:
    """Return the parameter that the endpoint refuses; None: it refuses something else."""
    if failure.cause != "status" or failure.status in _NOT_ABOUT_PARAMETERS:
        return None
    if named := _by_field(failure) or _by_words(failure):
        keyword = _keyword(failure.said) if named == "response_format" else None
        return Refused(named, keyword)
    is_refused = failure.status in (0, 400, 404, 422, 501)
    if any(code in failure.code for code in _CODES) and failure.status < 500:
        return Refused(None)
    if is_refused and (_is_parameter(failure.param) or _UNNAMED.search(failure.said)):
        return Refused(None)
    if failure.status in (400, 422) and any(_named(failure.said, list(_NAMES))):
        return Refused(None)
    return None


def _sent(failure: Failure) -> list[str]:
    """Return the names of the parameters that were sent; of an unknown request, all known names."""
    if not failure.sent:
        return list(_NAMES)
    extra = sorted(set(failure.sent) - _NAMES.keys() - set(_NO_PARAMETERS))
    return [*(name for name in _NAMES if name in failure.sent), *extra]


def _pattern(name: str) -> str:
    return _NAMES.get(name) or rf"(?<!\w){re.escape(name)}(?!\w)"


def _is_parameter(param: str) -> bool:
    named = re.split(r"[.\[]", param)[0].lower()
    return named not in _NO_PARAMETERS and not named.startswith("input_")


def _by_field(failure: Failure) -> str | None:
    """Return the parameter that ``error.param`` names, which may be a path."""
    if not failure.param:
        return None
    parts = [part for part in re.split(r"[.\[\]/,\s]+", failure.param) if part]
    for name in _sent(failure):
        if name in parts or any(re.fullmatch(_pattern(name), part, re.I) for part in parts):
            return name
    return None


def _by_words(failure: Failure) -> str | None:
    said = failure.said
    found = sorted(_named(said, _sent(failure)), key=lambda one: one[0])
    names = [name for _, name in found]
    if "top_p" in names and _BOTH.search(said):
        # Both are refused together. The one that shapes the text less is the one to drop.
        return "top_p"
    return names[0] if names else None


def _named(said: str, names: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the parameters that stand near words of refusal, with their positions."""
    refusals = [(match.start(), match.end()) for match in _REFUSAL.finditer(said)]
    for name in names if refusals else ():
        for match in re.finditer(_pattern(name), said, re.IGNORECASE):
            if any(
                begin - _NEAR <= match.end() and match.start() <= end + _NEAR
                for begin, end in refusals
            ):
                yield match.start(), name
                break


def _keyword(said: str) -> str | None:
    found = _KEYWORD.search(said)
    if found is None:
        quoted = _QUOTED_KEYWORD.search(said)
        return quoted[1] if quoted else None
    head, *rest = found[0].split("_")
    return head + "".join(part.capitalize() for part in rest)
