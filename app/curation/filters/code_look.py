"""Quick detection of code in a text, which many rules on prose skip."""

import re

# Each hit is something prose hardly has. Anchored to lines, so that the search stays linear.
_SIGNS = re.compile(
    r"""
      ^[ \t]*(?:def|class)[ ]\w+.*:[ \t]*$                # Python
    | ^[ \t]*(?:from[ ][\w.]+[ ])?import[ ][\w.{*]+
    | ^[ \t]*(?:if|for|while|elif|else|try|except|with)\b[^\n]{0,200}:[ \t]*$
    | ^[ \t]*(?:function|const|let|var|public|private|static|void|int|return
    |using)\b[^\n]{0,200}[;{)][ \t]*$
    | ^[ \t]*\#include\b | ^[ \t]*<\?php | ^[ \t]*<!DOCTYPE | ^[ \t]*</?(?:html|head|body|div|p
    |a|table|ul|svg|script|style)\b
    | ^[ \t]*(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER)[ ][^\n]{0,200}(?:FROM|INTO|SET|TABLE|;)
    | [;{}][ \t]*$ | ^[ \t]*[}\])]+[;,]?[ \t]*$
    | ^[ \t]*\w+[ ]=[ ]\S | \b\w+\([^()\n]{0,100}\)[ \t]*$ | ^[ \t]*(?:\$|>>>)[ ]\w
    | \b(?:sudo|apt-get|npm[ ]install|pip[ ]install|curl[ ]-\w)\b
    | ^```
    """,
    re.MULTILINE | re.VERBOSE,
)


def looks_like_code(text: str) -> bool:
    """Return True when a text is or contains code."""
    return _SIGNS.search(text) is not None
