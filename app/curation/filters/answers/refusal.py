"""Refusals: they teach a model to refuse tasks that it could do.

A task that asks for a refusal, an apology or the words of an assistant stays.
"""

import re

from app.curation.filter import Dropped, Filter
from app.dataset_row import Record

# Said by a model about itself, within the first words.
_OF_A_MODEL = re.compile(
    r"""\b(?:as|i(?:'|\u2019)?[ ]?a?m(?:[ ]just|[ ]only)?|being)[ ](?:an?|just[ ]an?|only[ ]an?)[ ]
        (?:ai|artificial[ ]intelligence|(?:large[ ])?language[ ]model|text-based
        |virtual[ ]assistant|chatbot|gpt)\b
      | \b(?:cannot|can(?:'|\u2019)t|can[ ]not)[ ]be[ ](?:\w+ed|carried[ ]out|done|made)
        [ ]by[ ](?:a|an|the|this)[ ](?:gpt|ai|language[ ]model|text[ ]model)\b
      | \b(?:gpt|ai|language)[ ]models?[ ](?:cannot|can(?:'
      |\u2019)t|is[ ](?:unable|not[ ]able))\b
      | \bi[ ](?:do[ ]not|don(?:'|\u2019)t)[ ]have[ ](?:personal|feelings|emotions|consciousness
      |a[ ]physical|real-time[ ]access)\b
      | \bmy[ ](?:programming|training[ ]data|knowledge[ ]cutoff)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_APOLOGY = r"""["'(<\s]*(?:i(?:'|\u2019)?[ ]?a?m[ ](?:so[ ]|very[ ]|really[ ])?(?:sorry|afraid)
    |sorry|unfortunately|(?:my[ ])?apologies|i[ ]apologi[sz]e)[,.!:;]?[ ]
    (?:for[ ]\w+[ ]\w+[ ]?\w*[,.][ ])?(?:but[ ]|however,[ ]|that[ ])?"""
_UNABLE = r"""i(?:(?:'|\u2019)m|[ ]am)?[ ]
    (?:(?:am[ ])?(?:unable|not[ ]able|not[ ]allowed|not[ ]permitted|not[ ]capable)[ ](?:to|of)[ ]
      |can(?:no|(?:'|\u2019)|[ ]no)t[ ](?:in[ ]good[ ]conscience[ ])?
      |won(?:'|\u2019)t[ ]|will[ ]not[ ]|must[ ]decline[ ]|decline[ ])
    (?:be[ ]able[ ]to[ ])?(?:\w+ly[ ])?(?:to[ ])?"""
_OPENING = re.compile(
    rf"""{_APOLOGY}{_UNABLE}\w+
      | ["'(<\s]*{_UNABLE}
        (?:help|assist|provid|fulfil|complet|answer|creat|generat|writ|produc|do|perform|comply
          |access|engag|support|discuss|recommend|giv|open|view|see|draw|browse|translat|determin
          |tell|respond|process|predict|share|offer)\w*\b""",
    re.IGNORECASE | re.VERBOSE,
)
_OPENING_BUT_EMPTY = re.compile(
    r"""["'(<\s]*(?:(?:i(?:'|\u2019)?[ ]?a?m[ ]sorry|sorry|unfortunately
    |my[ ]apologies)[,.!]?[ ](?:but[ ])?)
        (?:this|that|the|your|it)[ ](?:\w+[ ]){0,3}?
        (?:(?:is|are)[ ](?:not[ ]possible|impossible|beyond[ ]my|outside[ ]my|against[ ]my)
          |(?:cannot|can(?:'|\u2019)t)[ ]be[ ](?:fulfilled|completed|answered|provided))""",
    re.IGNORECASE | re.VERBOSE,
)
# What may rightly be answered in such words.
_ASKED_FOR = re.compile(
    r"""\b(?:refus\w+|declin\w+|reject\w*|apolog\w+|sorry|turn(?:ing)?[ ]down|say(?:ing)?[ ]no
    |unable|disappoint\w*
        |ai|a\.i\.|artificial[ ]intelligence|language[ ]models?|gpt\S*|chat-?bots?|bots?|robots?
        |machines?
        |assistants?|conversation|dialogue?|role-?play\w*|monologue|script|first[ ]person|persona
        |translat\w+|rewrite|rephrase|paraphrase|reword|correct\w*|quote|summar\w+|excerpt
        |e-?mail|letter|message|reply|repl(?:ies|ying)|respon[sd]\w*|customer|excuse|story|poem
        |lyrics|note
        |complete[ ](?:the|this)|continue|sentence|phrase|who[ ]are[ ]you|are[ ]you
        |your(?:self)?)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_ABOUT_MODELS = re.compile(
    r"""\b(?:refus\w+|declin\w+|ai|a\.i\.|artificial[ ]intelligence|language[ ]models?|gpt\S*
    |chat-?bots?|robots?
        |assistants?|dialogue?|conversation|role-?play\w*|instructions?|translat\w+|rewrite
        |rephrase|paraphrase|summar\w+|quote)\b""",
    re.IGNORECASE | re.VERBOSE,
)
# What every match of the two kinds has in it; a search for these is a tenth of the price.
_SIGNS = (
    " AI", " ai ", "GPT", "gpt", "odel", "ntelligence", "ssistant", "hatbot",
    "text-based", "personal", "feelings", "emotions", "conscious", "physical", "real-time",
    "programming", "training data", "cutoff",
)  # fmt: skip
_OPENING_SIGN = re.compile(r"[\"'(<\s]*(?:i\b|sorry|unfort|apolog|my apol)", re.IGNORECASE)
_HEAD = 250


def apply(record: Record) -> Record | Dropped:
    """Drop a record whose answer is a refusal that was not asked for."""
    head = record.output[:_HEAD]
    found, spared = None, _ABOUT_MODELS
    if any(sign in head for sign in _SIGNS):
        found = _OF_A_MODEL.search(head)
    if found is None and _OPENING_SIGN.match(head):
        found = _OPENING.match(head) or _OPENING_BUT_EMPTY.match(head)
        spared = _ASKED_FOR
    if found and not spared.search(record.request):
        return Dropped("refusal", head.strip()[:120])
    return record


REFUSAL = Filter(
    name="refusal",
    about='The output refuses, such as "As an AI language model, I cannot".',
    reasons=("refusal",),
    apply=apply,
)
