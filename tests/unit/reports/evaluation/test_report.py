"""The report of an evaluation: true to its figures, offline, and deaf to hostile texts."""

import re
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from app.dataset_row import Record
from app.evaluation.agreement import review_figures
from app.evaluation.answers import Answer, Contender, HeldOutTask
from app.evaluation.evaluate import OtherFindings, ScoringOptions, evaluate, with_findings
from app.evaluation.evaluation_result import Evaluation, LayerRank, ProgressPoint, TrainingFacts
from app.evaluation.judge import Pair, judge_figures
from app.evaluation.metrics import Estimate, JudgeCost
from app.evaluation.review_sheet import Rating, Review
from app.reports.drawings.interval_bars import interval_chart, written
from app.reports.drawings.svg import Caption
from app.reports.evaluation.plots import evaluation_plots
from app.reports.evaluation.report import evaluation_report
from tests.unit.evaluation.making import QUICK, alone, full
from tests.unit.reports.making import HOSTILE
from tests.unit.reports.reading import Page


def test_the_inference_cost_says_what_merging_can_do() -> None:
    of = full()
    assert of.inference is not None
    separate = of.inference.model_copy(update={"mergeable": False})
    page = evaluation_report(of.model_copy(update={"inference": separate}))
    dash = "\N{EN DASH}"
    assert [row[-1] for row in Page(page).tables["inference-cost"]] == ["merged", dash, dash]
    assert "This adapter cannot be merged" in page
    assert "Merged into the weights, the adapter costs nothing" in evaluation_report(of)
    whole = of.inference.model_copy(update={"extra_multiply_adds": 0})
    assert "no more weights" in evaluation_report(of.model_copy(update={"inference": whole}))
    assert evaluation_report(of.model_copy(update={"inference": None, "training": None}))


def hostile(text: str) -> Evaluation:
    """An evaluation that has this text wherever a text can be."""
    tasks = [
        HeldOutTask(f"{place}", Record(text, text if place else "z", text), is_classification=True)
        for place in range(3)
    ]
    base = Contender(f"{text}base", tuple(Answer(t.id, "y" if t.id != "0" else "z") for t in tasks))
    tuned = Contender(f"{text}tuned", tuple(Answer(task.id, text) for task in tasks))
    pairs = [Pair(task.id, task.record, "a", "b") for task in tasks]
    ratings = [
        Rating(task_id="0", model=f"{text}{which}", level="A", note=text)
        for which in ("base", "tuned")
    ]
    people = [Review(reviewer=text * n, ratings=ratings, unrated=0) for n in (1, 2)]
    beside = OtherFindings(
        judge=judge_figures(text, pairs, [], 0.95).model_copy(
            update={"trouble": text}
        ),
        review=review_figures(people, [f"{text}base", f"{text}tuned"]),
        training=TrainingFacts(
            method=text, base_model=text, dataset=text, device=text, steps=1, inference_cost=text,
            trainable_parameters=1, all_parameters=2,
            points=[ProgressPoint(step=1, loss=1.0, learning_rate=0.1)],
            ranks=[LayerRank(layer=0, module=text, rank=1)],
        ),
    )  # fmt: skip
    return evaluate(tasks, base, tuned, ScoringOptions(text, text, ("rouge",), QUICK), beside)


def test_the_tables_have_the_evaluations_own_figures() -> None:
    of = full()
    tables = Page(evaluation_report(of)).tables
    exact = [each.exact.share for each in of.models if each.exact]
    table = {row[0]: row[1:] for row in tables["figures"]}
    assert table["exact match"][:2] == [written(each) for each in exact]
    difference = next(each for each in of.comparisons if each.metric == "ROUGE-L F (unicode)")
    assert table["ROUGE-L F (unicode)"][2].startswith(f"{difference.difference.value:+.3f} (")
    counts = f"{difference.better} / {difference.worse} / {difference.equal}"
    assert table["ROUGE-L F (unicode)"][3:] == ["<\N{NO-BREAK SPACE}0.001", counts]
    assert of.models[1].exact_match is not None
    confusion = of.models[1].exact_match.confusion
    assert tables["confusion-1"] == [
        ["right label", *confusion.labels, "no label"],
        *([label, *map(str, counts)] for label, counts in zip(
            confusion.labels, confusion.counts, strict=True)),
    ]  # fmt: skip
    assert of.judge is not None
    assert ["pairs that could not be judged", str(of.judge.failed)] in tables["judge"]
    assert ["of all parameters", "134,976,000 (0.3 %)"] in tables["training"]
    assert ["truncated at 256 tokens", "3 (4.7 %)"] in tables["training"]
    assert ["tokens cut", "310 (3.4 %)"] in tables["training"]
    assert tables["inference-cost"][1:] == [
        ["multiply-adds", "134,000,000", "134,460,800 (+0.3 %)", "134,000,000"],
        ["time", "20.00 ms", "25.00 ms (x 1.25)", "20.00 ms"],
    ]
    assert tables["ranks"][1:3] == [["0", "2", "6"], ["1", "3", "7"]]
    assert tables["loss"][-1][:2] == ["60", "0.1006"]


def test_the_page_says_the_evaluations_words_and_shows_answers_both_ways() -> None:
    of = full()
    worse = of.better[0].model_copy(update={"task_id": "gone", "tuned": "a worse answer"})
    page = Page(evaluation_report(of.model_copy(update={"worse": [worse]})))
    for words in (*of.words, *(each.tuned for each in of.better), "a worse answer"):
        assert words in page.text
    assert page.tags.count("article") == len(of.better) + 1


def test_the_first_sentence_says_what_changed_for_better_and_worse_with_its_interval() -> None:
    of = full()
    page = evaluation_report(of)
    assert 0 < page.index(f'<p class="first">{of.words[0]}</p>') < page.index('class="headlines"')
    assert "+85.7 points (" in of.words[0]
    assert "96 became right, 0 became wrong" in of.words[0]
    # Once is enough.
    assert page.count(of.words[0]) == 1


def test_no_sentence_of_ours_is_cut_as_foreign_texts_are() -> None:
    of = full()
    assert of.judge is not None
    reported = {"is_contender": True, "trouble": "The account is empty. " * 5, "unasked": 3}
    page = Page(
        evaluation_report(
            with_findings(of, OtherFindings(judge=of.judge.model_copy(update=reported)))
        )
    )
    assert "…" not in page.text


def test_people_and_the_judge_are_compared_in_tables_of_their_own() -> None:
    of = full()
    assert of.review is not None
    tables = Page(evaluation_report(of)).tables
    assert [row[:2] for row in tables["agreement"][1:]] == [
        ["Ann", "Ben"], ["Ann", "the judge judge-model"], ["Ben", "the judge judge-model"],
    ]  # fmt: skip
    preference = of.review.reviewers[0].preference
    assert preference is not None
    counts = [str(count) for count in (preference.better, preference.worse, preference.equal)]
    assert tables["preference"][1][:4] == ["Ann", *counts]
    # The base model first, in its colour, whatever the alphabet says.
    assert [row[1] for row in tables["review"][1:3]] == ["SmolLM2-135M-Instruct", "adapter_01a2"]


def test_labels_are_held_against_always_saying_the_commonest() -> None:
    page = Page(evaluation_report(full()))
    assert re.search(r"always answering '(odd|even)' would give \d\d\.\d %\)", page.text)


def test_what_a_judge_took_and_why_it_ended_early_is_reported() -> None:
    of = full()
    assert of.judge is not None
    cost = JudgeCost(calls=1024, prompt_tokens=70, completion_tokens=30, cost_usd=Decimal("0.25"))
    reported = of.judge.model_copy(update={"cost": cost, "trouble": "The account is empty."})
    page = Page(evaluation_report(with_findings(of, OtherFindings(judge=reported))))
    assert ["calls", "1,024"] in page.tables["judge"]
    assert ["US dollars", "0.2500"] in page.tables["judge"]
    assert "Judging ended early: The account is empty." in page.text
    assert "Judging took 1,024 calls and 100 tokens for $0.2500." in page.text
    assert "calls paid for" not in Page(evaluation_report(of)).text


def test_every_plot_is_there_and_is_well_formed() -> None:
    drawn = evaluation_plots(full())
    assert list(drawn) == [
        "side-by-side",
        "loss",
        "learning-rate",
        "judge",
        "review",
        "ranks",
        "layers",
    ]
    for svg in drawn.values():
        ET.fromstring(svg)  # noqa: S314 - what is parsed was made here


def test_a_small_learning_rate_is_readable_where_it_is_pointed_at() -> None:
    assert "learning rate, 1: 0.000197<" in evaluation_plots(full())["learning-rate"]


def test_an_interval_is_drawn_where_its_figures_are() -> None:
    estimate = Estimate(value=0.5, low=0.25, high=1.0, method="bca")
    svg = interval_chart(Caption("a", "A", "B"), ["m"], {"x": [estimate]})
    (circle,) = re.findall(r'<circle cx="([\d.]+)"', svg)
    (left, right) = re.findall(r'd="M([\d.]+) [\d.]+H([\d.]+)', svg)[0]
    scale = float(right) - 16
    assert (float(circle) - 16) / scale == pytest.approx(0.5)
    assert (float(left) - 16) / scale == pytest.approx(0.25)


def test_one_model_of_which_little_is_known_has_a_page_too() -> None:
    page = Page(evaluation_report(alone()))
    assert "No judge model was used." in page.text
    assert "No general rows were measured." in page.text
    assert "None" not in page.text
    assert page.tables["figures"][0] == ["", "only"]


def test_the_page_asks_nothing_of_anybody_and_its_ids_are_unique() -> None:
    page = evaluation_report(full())
    parsed = Page(page)
    assert not {"link", "img", "iframe", "base", "object", "embed", "form"} & set(parsed.tags)
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", page)
    assert len(parsed.ids) == len(set(parsed.ids)) > 20
    addresses = [v for name, v in parsed.attributes if name == "href"]
    assert {(address or "").removeprefix("#") for address in addresses} <= set(parsed.ids)
    assert page == evaluation_report(full())


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_breaks_out_of_the_page(text: str) -> None:
    page = evaluation_report(hostile(text))
    parsed, plain = Page(page), Page(evaluation_report(hostile("plain")))
    assert set(parsed.tags) == set(plain.tags)
    assert parsed.tags.count("script") == parsed.tags.count("style") - parsed.tags.count("svg") == 1
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe]", page)
    page.encode("utf-8")
    assert len(page) < 200_000
