"""Invented links: a model that can't look up links makes them up.

Links that were asked for, in code or in a markup, and addresses reserved for examples stay, for
nothing here can tell whether they lead anywhere.
"""

import re

from app.curation.filter import Dropped, Filter
from app.curation.filters.code_look import looks_like_code
from app.curation.filters.wording import mentions
from app.dataset_row import Record

_LINK = re.compile(
    r"\b(?:https?://|www\.)([^\s/<>\"'`)\]},;:?#]{3,250})[^\s<>\"'`)\]}]{0,500}", re.IGNORECASE
)
_STAND_IN = re.compile(
    r"""[\[(<]\s*(?:insert[ ]|add[ ]|your[ ]|the[ ])?(?:a[ ]|the[ ]|your[ ])?
        (?:web(?:site)?[ ]?|product[ ]?|video[ ]?|image[ ]?)?(?:links?|urls?|hyperlink)
        (?:[ ]here|[ ]to[ ][^\])>\n]{1,60}|[ ]goes[ ]here)?\s*[\])>]""",
    re.IGNORECASE | re.VERBOSE,
)
_ASKED = mentions(
    """
    links link linked urls url uris uri hyperlinks hyperlink web-sites web-site websites website
    web_pages web_page webpages webpage sites site html css xml svg json yaml markdown code
    script program curl api rest http* ftp domains domain web internet online cit* references
    reference sources source bibliography footnotes footnote resources resource tutorials
    tutorial courses course research articles article videos video blogs blog templates template
    placeholders placeholder search find redirect regex regular_expression e-mail_address
    email_address addresses documentation download rss sitemap business_card signature advert*
    ads ad flyer brochure profile resume cv contact query request page qr
    """
)
_STAND_IN_ASKED = mentions(
    """
    templates template placeholders placeholder markdown html fill syntax format
    """
)
_RESERVED = re.compile(
    r"""(?:.*\.)?(?:example(?:\.\w+)?|test|localhost|invalid|w3\.org|schema\.org|yourdomain\.\w+
        |yourwebsite\.\w+) | [\d.]+""",
    re.IGNORECASE | re.VERBOSE,
)
_SHORT = 40


def apply(record: Record) -> Record | Dropped:
    """Drop a record with a link, or a placeholder, that is neither given nor asked for."""
    output = record.output
    if "://" in output or "www." in output or "WWW." in output:
        for link in _LINK.finditer(output):
            if _is_invented(link, record):
                return Dropped("invented_link", link.group())
    stand_in = _STAND_IN.search(output)
    if stand_in:
        given = stand_in.group() in record.request or _STAND_IN_ASKED.search(record.request)
        if not given and not looks_like_code(output):
            return Dropped("link_stand_in", stand_in.group())
    return record


def _is_invented(found: re.Match[str], record: Record) -> bool:
    host = found.group(1).lower().rstrip(".").removeprefix("www.")
    request = record.request.lower()
    # "www.python.org" when Python is spoken of; an address deeper within would have to be known.
    name = host.split(".")[-2:][0]
    own_site = len(found.group()) < _SHORT and len(name) > 3 and name in request
    return not (
        own_site
        or _RESERVED.fullmatch(host)
        or host in request
        or _ASKED.search(record.request)
        or looks_like_code(record.output)
    )


INVENTED_LINKS = Filter(
    name="invented_links",
    about="The output has links neither given nor asked for, or placeholders such as `[link]`.",
    reasons=("invented_link", "link_stand_in"),
    apply=apply,
)
