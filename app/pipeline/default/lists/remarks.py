"""Lines around a task: remarks about it, and what belongs to it.

| kind | examples | what becomes of it |
|---|---|---|
| topic | `Topic: ...`, `Type: ...` | left out, unless the task announces it |
| remark | `Category: ...`, `Why this is useful: ...`, `This tests logic.` | left out |
| constraint | `Requirements: ...` | stays: it says how to answer |
| material | `Text: ...`, `Options: ...` | stays: the task is about it |
| detail | `Length: ...`, `Tone: ...` | may be either |
| other | `Customer: ...` | may be either |
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from app.pipeline.default.lists.markers import Line

Kind: TypeAlias = Literal["remark", "constraint", "material", "topic", "detail", "other", ""]

_REMARKS = (
    r"categor(?:y|ies)|task type|difficulty(?: level)?"
    r"|expected (?:output|answer|response|length|result)(?: type| format)?"
    r"|(?:sample |example |ideal |suggested |correct |right |possible |model )?"
    r"(?:outputs?|answers?|response|solution)|correct|(?:sample |example )?input|examples?"
    r"|explanation|rationale|reason(?:ing)?|purpose|skills?(?: tested| required)?"
    r"|notes?|hints?|(?:learning )?objectives?|tags?|keywords?|evaluation"
    r"|criteria|a\d{1,2}|(?:answer|output|response) \d{1,2}"
    r"|(?:why|(?:how|what) (?:this|it)|estimated)\b[^:\uff1a\n]{0,40}"
    r"|this is useful (?:because|for)|use(?: case|fulness)"
    r"|classification|tests?"
    r"|kategorie|schwierigkeit(?:sgrad)?|erwartete (?:ausgabe|antwort)|beispiel|hinweis"
    r"|antwort|l\u00f6sung|ziel|zweck|warum\b[^:\n]{0,40}"
    r"|categor\u00eda|dificultad|ejemplo|nota|respuesta|objetivo|prop\u00f3sito"
    r"|por qu\u00e9\b[^:\n]{0,40}"
    r"|cat\u00e9gorie|difficult\u00e9|exemple|remarque|r\u00e9ponse|objectif|pourquoi\b[^:\n]{0,40}"
    r"|categoria|dificuldade|exemplo|resposta|difficolt\u00e0|esempio|risposta|obiettivo|scopo"
    r"|categorie|moeilijkheid|voorbeeld|antwoord|doel|kategoria|trudno\u015b\u0107|przyk\u0142ad"
    r"|cel|odpowied\u017a"
    r"|\u043a\u0430\u0442\u0435\u0433\u043e\u0440\u0438\u044f|\u0442\u0438\u043f"
    r"|\u0441\u043b\u043e\u0436\u043d\u043e\u0441\u0442\u044c"
    r"|\u043f\u0440\u0438\u043c\u0435\u0440|\u043e\u0442\u0432\u0435\u0442"
    r"|\u0446\u0435\u043b\u044c|\u0442\u0435\u043c\u0430"
    r"|\u043f\u043e\u0447\u0435\u043c\u0443[^:\n]{0,40}"
    r"|\u7c7b\u522b|\u5206\u7c7b|\u7c7b\u578b|\u96be\u5ea6|\u793a\u4f8b|\u8bf4\u660e"
    r"|\u9884\u671f\u8f93\u51fa|\u8f93\u51fa|\u8f93\u5165|\u6ce8\u610f"
    r"|\u76ee\u7684|\u76ee\u6807|\u7b54\u6848|\u4e3b\u9898|\u7406\u7531|\u9818\u57df|\u9886\u57df"
    r"|\u4e3a\u4ec0\u4e48[^:\uff1a\n]{0,20}"
    r"|\u30ab\u30c6\u30b4\u30ea\u30fc?|\u96e3\u6613\u5ea6|\u7a2e\u985e|\u4f8b|\u76ee\u6a19"
    r"|\u56de\u7b54|\u30c6\u30fc\u30de|\u8aac\u660e"
    r"|\ubd84\ub958|\uce74\ud14c\uace0\ub9ac|\ub09c\uc774\ub3c4|\uc720\ud615|\ubaa9\uc801"
    r"|\uc608\uc2dc|\ub2f5|\uc815\ub2f5|\uc8fc\uc81c"
    r"|\u0627\u0644\u0641\u0626\u0629|\u0627\u0644\u0646\u0648\u0639"
    r"|\u0627\u0644\u0635\u0639\u0648\u0628\u0629|\u0627\u0644\u0647\u062f\u0641"
    r"|\u0645\u0644\u0627\u062d\u0638\u0629|\u0645\u062b\u0627\u0644"
    r"|\u0627\u0644\u0625\u062c\u0627\u0628\u0629|\u0627\u0644\u0645\u0648\u0636\u0648\u0639"
    r"|\u0936\u094d\u0930\u0947\u0923\u0940|\u092a\u094d\u0930\u0915\u093e\u0930"
    r"|\u0915\u0920\u093f\u0928\u093e\u0908|\u0909\u0926\u094d\u0926\u0947\u0936\u094d\u092f"
    r"|\u0909\u0926\u093e\u0939\u0930\u0923|\u0909\u0924\u094d\u0924\u0930|\u0935\u093f\u0937\u092f"
)
_TOPICS = (
    r"type|kind|level|topic|domain|subject|field|theme|verb|form|goals?|skill level"
    r"|typ|art|thema|tipo|tema|th\u00e8me|\u0442\u0438\u043f|\u0442\u0435\u043c\u0430"
    r"|\u7c7b\u578b|\u4e3b\u9898|\u9886\u57df"
)
_CONSTRAINTS = (
    r"constraints?|requirements?|rules?|conditions?|restrictions?|guidelines|specifications?"
    r"|must(?: have| include)?|include|anforderungen|bedingungen|vorgaben|contraintes|exigences"
    r"|requisitos|restricciones|condiciones|restri\u00e7\u00f5es|vincoli|requisiti"
    r"|\u0442\u0440\u0435\u0431\u043e\u0432\u0430\u043d\u0438\u044f"
    r"|\u0443\u0441\u043b\u043e\u0432\u0438\u044f|\u8981\u6c42|\u6761\u4ef6|\u9650\u5236"
    r"|\u5236\u7d04"
)
_MATERIAL = (
    r"texts?|sentences?|passage|paragraph|options?|choices|labels?|possible labels|statements?"
    r"|quote|code|words|data|numbers|questions?|claim|dialogue|article|review|email|message|items"
    r"|s\u00e4tze?|optionen|texte|phrases?|textos?|frases?|opciones|op\u00e7\u00f5es|testo|opzioni"
    r"|\u0442\u0435\u043a\u0441\u0442|\u0432\u0430\u0440\u0438\u0430\u043d\u0442\u044b"
    r"|\u6587\u672c|\u9009\u9879|\u53e5\u5b50|\u9078\u629e\u80a2|\u30c6\u30ad\u30b9\u30c8"
)
_DETAILS = (
    r"format|length|word (?:count|limit)|style|tone|audience|context|language|time limit"
    r"|l\u00e4nge|stil|sprache|longueur|langue|longitud|estilo|\u957f\u5ea6|\u5b57\u6570"
    r"|\u683c\u5f0f|\u8bed\u8a00|\u98ce\u683c"
)
_END = r"(?:[\s*_`]*[:\uff1a\u2013\u2014\u2192]|[\s*_]* - )"
_LEAD = r"[\s*_(\[`\uff08#/\u2192>]*"
_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("constraint", re.compile(rf"{_LEAD}(?:{_CONSTRAINTS}){_END}", re.I)),
    ("remark", re.compile(rf"{_LEAD}(?:{_REMARKS}){_END}", re.I)),
    ("topic", re.compile(rf"{_LEAD}(?:{_TOPICS}){_END}", re.I)),
    ("material", re.compile(rf"{_LEAD}(?:{_MATERIAL}){_END}", re.I)),
    ("detail", re.compile(rf"{_LEAD}(?:{_DETAILS}){_END}", re.I)),
)
_LABELLED = re.compile(rf"{_LEAD}(?P<label>[^\W\d_][^:\uff1a.!?\n]{{0,28}}?){_END}[*_]{{0,3}}\s*\S")
_ABOUT_TASK = re.compile(
    r"[\s*_(-]*(?:(?:this|it) (?:task |instruction |prompt |question |one )?"
    r"(?:tests|checks|assesses|evaluates|encourages|trains|requires|is (?:a|an|useful|good"
    r"|meant)\b)"
    r"|(?:tests|checks|assesses|evaluates|encourages|trains|challenges|good for|useful for)\b)",
    re.I,
)
_ASIDE = re.compile(
    r"[(\[\uff08][^\n]*[)\]\uff09][.!]?|(?P<mark>\*\*\*|\*\*|\*|__|_)(?=\S)[^\n]*(?P=mark)"
    r"|`[^`\n]{1,60}`|(?:#[^\W\d]\w{0,30}\s?){1,9}|//[^\n]{1,80}"
)
_INLINE_REMARK = re.compile(
    rf"(?<=[.!?\u3002\"'`*_\u201d\u00bb\u300d])\s+(?:[*_]{{0,2}}[(\[]\s?(?:{_REMARKS}|{_TOPICS}"
    rf"|{_DETAILS})\s?[:\uff1a][^()\[\]\n]{{0,200}}[)\]]"
    rf"[*_]{{0,2}}|(?P<mark>\*\*|\*|__|_)(?:{_REMARKS}"
    rf"|{_TOPICS})[:\uff1a][^*_\n]{{0,200}}(?P=mark)"
    # Emphasis says that it is a remark, unless it has the labels to choose from.
    r"|(?P<around>[*_]{1,2})\((?!\w+ (?:or|oder|ou) )[^()/|,\n]{1,60}\)(?P=around))\s*\Z",
    re.I,
)
# Constraints on the answer begin like this.
_CONSTRAINT = re.compile(
    r"[*_]{0,3}(?:use|keep|include|write|make|do not|don['\u2019]t|avoid|mention|add|give|be"
    r"|limit|ensure"
    r"|start|end|begin|explain|state|provide|cite|refer|address|focus|consider|assume|describe"
    r"|show|answer|respond|format|return|at (?:least|most)|no more|exactly|(?:it )?(?:must|should)"
    r"|the (?:\w+ ){1,3}(?:must|should)|each \w+|sign|choose|highlight|maintain|follow|stay"
    r"|verwende|vermeide|benutze|utilise\w*|\u00e9vite\w*|usa\b|utiliza|evita|incluye)\b"
    r"|\u4f7f\u7528|\u4e0d\u8981|\u5fc5\u987b|\u907f\u514d|\u5305\u62ec|\u5305\u542b",
    re.I,
)
_FEWEST_ITEMS = 3
_TALK = re.compile(
    r"\b(?:let me know|feel free|hope|would you like|happy to|more tasks|these tasks|need more"
    r"|i can|i['\u2019]ve|i have|please note|note that|enjoy|ich hoffe|lass mich|j'esp\u00e8re"
    r"|n'h\u00e9sitez|do you (?:want|need)|shall i"
    r"|diese (?:aufgaben|anweisungen)|ces t\u00e2ches|estas tareas|estas tarefas|questi compiti"
    r"|espero|av\u00edsame|spero|d\u00edgame|mi faccia|laat me)\b"
    r"|\u043d\u0430\u0434\u0435\u044e\u0441\u044c|\u5e0c\u671b|\u5982\u679c\u4f60"
    r"|\u5982\u679c\u60a8|\u5982\u9700"
    r"|\A(?:human|user)\s?:|\u304a\u5f79\u306b\u7acb\u3066"
    r"|\u3053\u308c\u3089\u306e\u30bf\u30b9\u30af|\u304a\u77e5\u3089\u305b",
    re.I,
)


def kind_of(line: Line) -> Kind:
    """Return the kind of a line below a task; empty for a line without a label or a remark."""
    text = line.text.strip()
    labelled = next((kind for kind, pattern in _KINDS if pattern.match(text)), None)
    if labelled is not None:
        return labelled
    if _ABOUT_TASK.match(text) or _ASIDE.fullmatch(text):
        return "remark"
    return "other" if label_of(line) else ""


def label_of(line: Line) -> str:
    """Return the label that a line begins with; empty without one."""
    found = _LABELLED.match(line.text)
    label = found.group("label").casefold().strip() if found else ""
    return label if len(label.split()) <= 4 else ""


def is_remark(line: Line) -> bool:
    """Return True when a line speaks about the task above it."""
    return kind_of(line) in {"remark", "topic"}


def is_constraint(text: str) -> bool:
    """Return True when a sentence says how to answer."""
    return _CONSTRAINT.match(text) is not None


def is_talk(text: str) -> bool:
    """Return True when a line speaks to the reader rather than being part of a task."""
    return text.endswith("!") or _TALK.search(text) is not None


def shared_labels(items: Iterable[Sequence[Line]]) -> frozenset[str]:
    """Return the labels below nearly every item of a list: they are a form of the model's own."""
    labels = [{label_of(line) for line in below} - {""} for below in items]
    counts = Counter(label for each in labels for label in each)
    fewest = max(_FEWEST_ITEMS, len(labels) * 0.6)
    return frozenset(label for label, count in counts.items() if count >= fewest)


def without_inline_remark(text: str) -> str:
    """Return a task without a remark in brackets or in emphasis behind its last sentence."""
    return _INLINE_REMARK.sub("", text) if text[-1:] in "])*_" else text
