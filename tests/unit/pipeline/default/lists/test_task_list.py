"""Task lists in every form people write, whatever chat models put around the items."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.pipeline.making import candidates, dropped, reply, texts

TASKS = [
    "Write a short poem about the rain.",
    "Name two rivers in Italy please.",
    "Explain why the sky is blue to a child.",
    "List three uses of vinegar at home.",
    "Translate the greeting into formal French.",
    "Compare tea and coffee in two sentences.",
    "Suggest a title for a book about bees.",
    "Describe the taste of unripe quinces.",
]
CHINESE = [
    "写一首关于雨的短诗。",
    "列出意大利的两条河流。",
    "解释天空为什么是蓝色的。",
    "说出醋的三种用途。",
    "把这句问候翻译成法语。",
    "比较茶和咖啡的区别。",
    "为一本关于蜜蜂的书起名。",
    "描述一种水果的味道。",
]

CASES, SHAPES = (
    [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for path in map(Path(__file__).with_name, ("task_lists.jsonl", "list_shapes.jsonl"))
)
CIRCLED = "①②③④⑤⑥⑦⑧"
HAN = "一二三四五六七八"
ROMAN = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii"]

FORMS: dict[str, str] = {
    "1.": "{n}. {t}",
    "1)": "{n}) {t}",
    "(1)": "({n}) {t}",
    "1、": "{n}、{t}",
    "1\uff0e": "{n}\uff0e{t}",
    "1\uff1a": "{n}\uff1a{t}",
    "①": "{circled} {t}",
    "①t": "{circled}{t}",
    "fw": "{wide}\uff0e{t}",
    "fw.": "{wide}. {t}",
    "1 -": "{n} - {t}",
    "1 \u2013": "{n} \u2013 {t}",
    "1 —": "{n} — {t}",
    "### 1.": "### {n}. {t}",
    "### Task 1": "### Task {n}\n{t}",
    "### Task 1 blank": "### Task {n}\n\n{t}\n",
    "### Task 1:": "### Task {n}: {t}",
    "**1.**": "**{n}.** {t}",
    "**1**.": "**{n}**. {t}",
    "**1. t**": "**{n}. {t}**",
    "**Task 1:**": "**Task {n}:** {t}",
    "**Task 1**:": "**Task {n}**: {t}",
    "Instruction 1:": "Instruction {n}: {t}",
    "Task 1.": "Task {n}. {t}",
    "Task #1:": "Task #{n}: {t}",
    "Prompt 1 -": "Prompt {n} - {t}",
    "> 1.": "> {n}. {t}",
    "1.\\n": "{n}.\n{t}",
    "1\\n": "{n}\n{t}",
    "1.\\n\\n": "{n}.\n\n{t}\n",
    "a.": "{small}. {t}",
    "A)": "{capital}) {t}",
    "(a)": "({small}) {t}",
    "A.": "{capital}. {t}",
    "i.": "{roman}. {t}",
    "I.": "{large_roman}. {t}",
    "II)": "{large_roman}) {t}",
    "-": "- {t}",
    "\u2013": "\u2013 {t}",
    "—": "— {t}",
    "*": "* {t}",
    "•": "• {t}",
    "\u2023": "\u2023 {t}",
    "▪": "▪ {t}",
    "+": "+ {t}",
    "•t": "•{t}",
    "◦": "◦ {t}",
    "●": "●{t}",
    "- [ ]": "- [ ] {t}",
    "[ ]": "[ ] {t}",
    "☐": "☐ {t}",
    "- [x]": "- [x] {t}",
    "🔹": "🔹 {t}",
    "✅": "✅ {t}",
    "- 1.": "- {n}. {t}",
    "1\\.": "{n}\\. {t}",
    "1️⃣": "{n}\ufe0f\u20e3 {t}",
    "#1": "#{n} - {t}",
    "#1:": "#{n}: {t}",
    "[1]": "[{n}] {t}",
    "【1】": "【{n}】{t}",
    "1]": "{n}] {t}",
    "| 1 | t |": "| {n} | {t} |",
    "| t |": "| {t} |",
    "tsv": "{n}\t{t}",
    "<task>": "<task>{t}</task>",
    "<task id>": '<task id="{n}">\n{t}\n</task>',
    "<li>": "<li>{t}</li>",
    "<task1>": "<task_{n}>{t}</task_{n}>",
    "<task><instruction>": "<task><instruction>{t}</instruction></task>",
    "<instruction>": "<instruction>{t}</instruction>",
    "unclosed": "<task>{t}",
    "1.t": "{n}.{t}",
    "1)t": "{n}){t}",
    "nbsp": "{n}.\u00a0{t}",
    "ideo": "{n}.\u3000{t}",
    "arab": "{arabic}. {t}",
    "deva": "{devanagari}. {t}",
    "plain": "{t}",
    "indent": "  {n}. {t}",
    "tabindent": "\t{n}. {t}",
    "**t**": "{n}. **{t}**",
    '"t"': '{n}. "{t}"',
    "`t`": "{n}. `{t}`",
    "*t*": "{n}. *{t}*",
    "“t”": "{n}. “{t}”",
    "_t_": "{n}. _{t}_",
    "title": "{n}. **Some Title**: {t}",
    "title:": "{n}. **Some Title:** {t}",
    "title -": "{n}. **Some Title** - {t}",
    "title nl": "{n}. **Some title**\n   {t}",
    "head title": "### {n}. Some title\n{t}",
    "head title bl": "## Task {n}: Some title\n\n{t}\n",
    "**1. Title**": "**{n}. Some Title**: {t}",
    "**1. Title** nl": "**{n}. Some Title**\n{t}",
    "labelled": "{n}. Instruction: {t}",
    "labelled bold": "{n}. **Instruction:** {t}",
    "task sub": "### Task {n}\n**Instruction:** {t}\n**Category:** writing",
    "task sub2": "{n}. Some title\n   - Task: {t}\n   - Difficulty: easy",
    "sub": (
        "{n}. {t}\n   - Category: open generation, medium difficulty level"
        "\n   - Expected output: a short paragraph of about eighty words"
    ),
    "sub flush": "{n}. {t}\n- Category: open",
    "paren": "{n}. {t}\n   (Creative writing)",
    "it": "{n}. {t}\n   *Category: creative*",
    "inline": "{n}. {t} (Category: writing)",
    "blank sub": "{n}. {t}\n\n   - Category: x\n",
    "fence each": "{n}.\n```\n{t}\n```",
    "trail ---": "{n}. {t}\n\n---\n",
    "im_end": "{n}. {t}<|im_end|>",
    "第": "第{n}题\uff1a{t}",
    "任务": "任务{n}\uff1a{t}",
    "han": "{han}、{t}",
    "(han)": "\uff08{han}\uff09{t}",
    "Aufgabe": "Aufgabe {n}: {t}",
    "Tâche": "Tâche {n} : {t}",
    "Задание": "Задание {n}. {t}",
    "br": "{n}. {t}  ",
    "1.)": "{n}.) {t}",
    "1.-": "{n}.- {t}",
    "01.": "{n:02}. {t}",
    "Q1.": "Q{n}. {t}",
    "lazy": "1. {t}",
    "skip": "{triple}. {t}",
    "json each": '{n}. {{"instruction": "{t}"}}',
    "csv quotes": '"{t}",',
}
AROUND = [
    "{}",
    "Sure! Here are eight new tasks:\n\n{}",
    "{}\n\nLet me know if you'd like more tasks!",
    "Here you go:\n\n{}\n\nI hope these help! They cover many topics.\n\nShall I write more?",
    "Here:\n```markdown\n{}\n```\nDone.",
    "\n\n{}\n\n",
    "<think>\n1. Hmm.\n2. So.\n</think>\n\n{}<|im_end|>",
]
NOT_APART = {"plain", "csv quotes", "1.\\n\\n", "### Task 1 blank", "head title bl"}
"""Their lines need what stands between them."""


def marked(form: str, n: int, task: str) -> str:
    return form.format(
        n=n, t=task, circled=CIRCLED[n - 1], han=HAN[n - 1], roman=ROMAN[n - 1],
        large_roman=ROMAN[n - 1].upper(), small=chr(96 + n), capital=chr(64 + n),
        wide=chr(0xFF10 + n), arabic=chr(0x660 + n), devanagari=chr(0x966 + n), triple=3 * n,
    )  # fmt: skip


def written(form: str, tasks: Sequence[str], separator: str = "\n") -> str:
    return separator.join(marked(form, n, task) for n, task in enumerate(tasks, start=1))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_is_read_in_full_whatever_is_around_it(form: str) -> None:
    name = next(name for name, each in FORMS.items() if each == form)
    around = [AROUND[0]] if name == "fence each" else AROUND[:3] if name in NOT_APART else AROUND
    replies = [each.replace("{}", written(form, TASKS)) for each in around]
    replies.append(written(form, TASKS).replace("\n", "\r\n"))
    if name not in NOT_APART:
        replies.append(written(form, TASKS, "\n\n"))
    for text in replies:
        read = candidates("default", reply(text))
        assert (texts(read), dropped(read)) == (TASKS, []), text
    assert texts(candidates("default", reply(written(form, CHINESE)))) == CHINESE


def test_lines_parted_by_empty_ones_are_read_where_as_many_were_asked_for() -> None:
    assert texts(candidates("default", reply("\n\n".join(TASKS)))) == TASKS
    assert texts(candidates("default", reply("\n\n".join(TASKS)), tasks_per_request=7)) == []


def test_a_closing_line_is_told_from_a_task_where_the_tasks_stand_together() -> None:
    end = "All of these are of the kind you wanted."
    together = "\n".join(TASKS[:3])
    for text in (f"{together}\n\n{end}", f"Here are three tasks:\n{together}\n\n{end}"):
        assert texts(candidates("default", reply(text), tasks_per_request=3)) == TASKS[:3]
    for apart in (f"{TASKS[0]}\n{TASKS[1]}\n\n{TASKS[2]}", "\n\n".join(TASKS[:3])):
        for text in (f"{apart}\n\n{end}", f"Here are three tasks:\n{apart}\n\n{end}"):
            assert texts(candidates("default", reply(text), tasks_per_request=3)) == []


@pytest.mark.parametrize(
    "key",
    [
        *("instruction", "task", "prompt", "text", "question", "description", "content"),
        *("request", "task_description", "name", "title"),
    ],
)
def test_a_task_is_read_from_any_usual_key(key: str) -> None:
    text = json.dumps([{key: task, "note": "a short one"} for task in TASKS])
    assert texts(candidates("default", reply(text))) == TASKS
    assert texts(candidates("default", reply(text.replace(f'"{key}"', '"xyz"')))) == []


@pytest.mark.parametrize(("text", "read_as", "reasons"), CASES)
def test_only_what_is_clearly_a_task_is_read(
    text: str, read_as: list[str], reasons: list[str]
) -> None:
    read = candidates("default", reply(text))

    assert (texts(read), dropped(read)) == (read_as, reasons)


def test_the_shapes_of_many_models_are_read_or_unreadable() -> None:
    for text, read_as, reasons, count in SHAPES:
        read = candidates("default", reply(text), tasks_per_request=count)

        assert (texts(read), dropped(read)) == (read_as, reasons), text


openings = st.sampled_from(
    ["", "Sure!\n\n", "Here are the tasks:\n\n", "# New tasks\n\n", "I wrote these:\n\n",
     "Hier sind sie:\n", "<think>1. a\n2. b</think>\n"]
)  # fmt: skip
closings = st.sampled_from(
    ["", "\n\nLet me know!", "\n\n---\nI hope these help.", "\n\nSag Bescheid!\n\nBis bald.",
     "\n\n*These tasks cover a lot.*", "<|eot_id|>", "\n\n1 more? Just ask."]
)  # fmt: skip
remarks = st.sampled_from(
    ["", "\n   - Category: writing", "\n   (easy)", "\n   - Type: a\n   - Verb: b",
     "\n   *creative*", "\n   Expected output: one word", "\n\nOther tasks:", "\n\n## More",
     "\n   Why this is useful: it trains style.", "\n   - Length: short\n   - Skill: style",
     "\n\n   Purpose: style", "\n   - Use: at home", " *(easy)*", "\nMore of them:"]
)  # fmt: skip
wrappings = st.sampled_from(["{}", "**{}**", '"{}"', "**A Title**: {}", "Task: {}", "`{}`"])
clear_tasks = st.lists(st.sampled_from(TASKS + CHINESE), min_size=2, max_size=8, unique=True)


USUAL = (
    "1.",
    "1)",
    "(1)",
    "1、",
    "①",
    "### 1.",
    "-",
    "Instruction 1:",
    "**1.**",
    "> 1.",
    "A)",
    "•",
)
around = st.tuples(openings, closings, remarks, wrappings, st.sampled_from(["\n", "\n\n"]))


@settings(deadline=None, max_examples=150)
@given(clear_tasks, st.sampled_from([FORMS[name] for name in USUAL]), around)
def test_whatever_stands_around_clear_items_exactly_those_are_read(
    tasks: list[str], form: str, around: tuple[str, str, str, str, str]
) -> None:
    opening, closing, remark, wrapping, separator = around
    items = [marked(form, n, wrapping.format(task)) + remark for n, task in enumerate(tasks, 1)]

    read = texts(candidates("default", reply(opening + separator.join(items) + closing)))

    assert read in (tasks, [])


MEGABYTES = ["1. a\n\n", "- a\n", "| a | b c d |\n", "<task>a\n", "```\n", "1. a:\n1. b\n",
             "1. a\n   - b\n", '{"a":', '["a",', "a\tb\n", " ", "[/*"]  # fmt: skip


@pytest.mark.parametrize("piece", MEGABYTES)
def test_a_megabyte_of_markers_is_read_up_to_the_limit(piece: str) -> None:
    read = candidates("default", reply("1. x" + piece * (1_000_000 // len(piece))))

    assert 0 < len(read.items) <= 201
