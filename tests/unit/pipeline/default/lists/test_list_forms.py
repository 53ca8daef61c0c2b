"""Lists in further forms: counters in words and signs, HTML, LaTeX, and values with commas."""

from collections.abc import Iterator, Sequence

import pytest

from app.pipeline.default.lists.task_list import read_tasks
from app.pipeline.types import Candidate
from tests.unit.pipeline.default.lists.test_task_list import TASKS, marked
from tests.unit.pipeline.making import candidates, reply, texts

WRAPPED = [
    ("Write a short poem about the rain that falls on the roof of an old", "house at night."),
    ("Name two rivers in Italy that flow through a city whose name begins with", "the letter R."),
    ("Explain to a child of six years why the sky is blue during the day and", "red at dusk."),
    ("List three uses of vinegar at home that a person without any cleaning", "products has."),
    ("Translate the following greeting into formal French, and say when it is", "used: hello."),
    ("Compare tea and coffee in two sentences for somebody who has never drunk", "any of them."),
    ("Suggest a title for a book about bees that is written for children and", "has many poems."),
    ("Describe the taste of unripe quinces to somebody who only knows apples", "and pears."),
]
CHOICE = (
    "Choose the best of these options for a dinner:\n   - pizza with cheese\n   - soup with bread"
)
COUNTERS = (
    "Step {n}: {t}", "**Step {n}:** {t}", "Step {n}. {t}", "### Step {n}\n{t}", "Option {n}: {t}",
    "Part {n}: {t}", "Task #{n}\n{t}", "**Task #{n}** {t}", "Task #{n} {t}", "Q{n}\n{t}",
    "Q.{n} {t}", "{n}/20 {t}", "({n}/20) {t}", "**{n}/20** {t}", "{n} of 20: {t}",
    "Task {n} of 20: {t}", "{n} / 20 - {t}", "{large_roman}\uff0e{t}", "**{large_roman}.** {t}",
    "**{roman}.** {t}", "{roman} - {t}", "[{roman}] {t}", "Task {roman}: {t}",
    "## {large_roman}. {t}", "{keycap} {t}", "{keycap} - {t}", "**{keycap}** {t}",
    "### {keycap} {t}", "0\ufe0f\u20e3{keycap} {t}", "{wide}\u3001{t}", "({wide}) {t}",
    "{arabic}- {t}", "({arabic}) {t}", "{devanagari}\u0964 {t}", "({devanagari}) {t}",
    "**{devanagari}.** {t}", "${n}.$ {t}", "\u00a7{n} {t}", "{n}.\u00ba {t}", "<{n}>{t}</{n}>",
    "{circled_letter} {t}", "{n}. {t}<br>",
)  # fmt: skip
ORDINALS = ("{nth}: {t}", "{nth} task: {t}", ":{word}: {t}")
MARKUP = (
    ("<ol>\n", "<li>{t}</li>", "\n</ol>"), ("<ul>\n", "  <li class='a'>{t}</li>", "\n</ul>"),
    ("<ol>\n", "<li>{t}", "\n</ol>"), ("<ol>\n", "<li><p>{t}</p></li>", "\n</ol>"),
    ("<ol>\n", "<li>\n{t}\n</li>", "\n</ol>"), ("", "<p>{t}</p>", ""), ("", "<p>{n}. {t}</p>", ""),
    ("", "<h3>Task {n}</h3>\n<p>{t}</p>", ""), ("", "<div>{t}</div>", ""),
    ("<html>\n<head><title>Ten</title></head>\n<body>\n<ol>\n", "<li>{t}</li>", "\n</ol>\n</body>"),
    ("<table>\n<tr><th>#</th><th>Task</th></tr>\n", "<tr><td>{n}</td><td>{t}</td></tr>", ""),
    ("", "\\item {t}", ""), ("\\begin{enumerate}\n", "  \\item {t}", "\n\\end{enumerate}"),
    ("\\begin{itemize}\n", "\\item\n{t}", "\n\\end{itemize}"),
    ("\\documentclass{article}\n\\begin{document}\n\\section*{Tasks}\n\\begin{enumerate}[label=a]\n",
     "\\item[{n}.] {t}", "\n\\end{enumerate}\n\\end{document}"),
    ("id,instruction\n", '{n},"{t}"', ""), ("", '{n},"{t}"', ""), ("", '"{n}","{t}"', ""),
    ("id,task,level\n", '{n},"{t}",easy', ""), ("instruction\n", '"{t}"', ""),
    ("no;task\n", '{n};"{t}"', ""),
)  # fmt: skip
FORMS = [("", form, "") for form in COUNTERS + ORDINALS] + list(MARKUP)


def written(form: tuple[str, str, str], tasks: Sequence[str], separator: str = "\n") -> str:
    head, item, tail = form
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
    items = []
    for n, task in enumerate(tasks, start=1):
        nth = f"{n}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(n, 'th') }"
        own = item.replace("{keycap}", f"{n}\ufe0f\u20e3").replace("{nth}", nth)
        own = own.replace("{word}", words[n - 1]).replace("{circled_letter}", chr(0x24B5 + n))
        items.append(marked(own, n, task))
    return head + separator.join(items) + tail


def surroundings(form: tuple[str, str, str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the list in eight surroundings, each with the tasks in it."""
    plain = written(form, TASKS)
    yield plain, TASKS
    yield f"Sure! Here are eight new tasks:\n\n{plain}", TASKS
    yield f"{plain}\n\nLet me know if you'd like more tasks!", TASKS
    yield f"Here:\n```\n{plain}\n```\nDone.", TASKS
    yield written(form, TASKS, "\n\n"), TASKS
    yield written(form, [f"**A Title**: {task}" for task in TASKS]), TASKS
    yield (
        written(form, ["\n   ".join(parts) for parts in WRAPPED]),
        [" ".join(parts) for parts in WRAPPED],
    )
    yield (
        written(form, [*TASKS[:2], CHOICE, *TASKS[3:]]),
        [*TASKS[:2], " ".join(CHOICE.split()), *TASKS[3:]],
    )


def test_lists_in_further_forms_are_read_in_full_whatever_is_around_them() -> None:
    for form in FORMS:
        for text, tasks in surroundings(form):
            assert texts(candidates("default", reply(text))) == tasks, text


@pytest.mark.parametrize(
    "form",
    [
        *("Reason {n}: {t}", "Day {n}: {t}", "Rule {n} - {t}", "Name {n} {t}"),
        *("{large_roman} {t}", "[[tasks]]\ninstruction = '{t}'", "Note {n}\n{t}", "k{n}={t}"),
    ],
)
def test_what_is_not_clearly_a_list_of_tasks_gives_no_part_of_a_line(form: str) -> None:
    for text, tasks in surroundings(("", form, "")):
        assert set(texts(candidates("default", reply(text)))) <= set(tasks), text


def test_parts_of_another_number_than_asked_for_are_not_tasks() -> None:
    text = "\n".join(f"Step {n}: {task}" for n, task in enumerate(TASKS[:5], start=1))

    assert texts(candidates("default", reply(text))) == []
    assert texts(candidates("default", reply(text), tasks_per_request=5)) == TASKS[:5]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A tag that a task speaks of, inside HTML and outside of it.
        ("<ol><li>Explain the <nav> tag to me.</li><li>Say what <b>bold</b> text is.</li></ol>",
         ["Explain the <nav> tag to me.", "Say what **bold** text is."]),
        ("<ul>\n<li>Say what the <p> tag does.</li>\n<li>Name two &lt;a&gt;.</li>\n</ul>",
         ["Say what the <p> tag does.", "Name two <a>."]),
        ("1. Say what this HTML shows:\n<ul>\n<li>One</li>\n</ul>\n2. Name two rivers in Italy.",
         ["Say what this HTML shows: <ul> <li>One</li> </ul>", "Name two rivers in Italy."]),
        ("1. Fix this LaTeX: \\item One\n2. Say what \\item does.",
         ["Fix this LaTeX: \\item One", "Say what \\item does."]),
        ("\\item Solve $x^2 = 4$ for $x$.\n\\item Give 5\\% of \\textbf{eighty}, \\emph{please}.",
         ["Solve $x^2 = 4$ for $x$.", "Give 5% of **eighty**, *please*."]),
        # A value that is cut in two, and one with a comma of its own.
        ("id,task\n1,Name two rivers, and a lake.\n2,Compare tea and coffee.",
         ["Name two rivers, and a lake.", "Compare tea and coffee."]),
        ("id;task\n1;Name two rivers of a\ncountry.\n2;Compare tea and coffee.\n3;Praise the rain.",
         ["Compare tea and coffee.", "Praise the rain."]),
    ],
)  # fmt: skip
def test_texts_about_the_form_of_a_list_stay_as_they_are(text: str, expected: list[str]) -> None:
    read = [item.text for item in read_tasks(text, 8, cut_off=False) if isinstance(item, Candidate)]

    assert read == expected


def test_the_head_of_a_page_and_its_scripts_are_no_part_of_a_list() -> None:
    page = "<html><head><title>Ten<b> tasks</b></title></head><body><ol>{}</ol></body></html>"
    items = "".join(f"<li>{task}<script>let a = '<b>';</script></li>" for task in TASKS)

    assert texts(candidates("default", reply(page.replace("{}", items)))) == TASKS
