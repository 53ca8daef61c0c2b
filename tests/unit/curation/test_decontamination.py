from app.curation.decontamination import DECONTAMINATION_REASON, Decontamination, Hit
from app.curation.options import DecontaminationOptions
from app.dataset_row import Exchange, Record
from tests.rouge_reference import Reference

LONG = (
    "A farmer has seventeen sheep and all but nine of them run away one night in autumn, "
    "so how many sheep does the farmer have left in the morning?"
)
SHORT = "What colour is a polar bear?"
OPTIONS = DecontaminationOptions()


def kinds(hits: list[Hit]) -> list[tuple[str, int, str]]:
    return [(hit.test_set, hit.item, hit.kind) for hit in hits]


def test_thirteen_words_in_a_row_are_a_hit_wherever_they_are() -> None:
    sets = Decontamination({"other": ["x y z"], "sheep": [SHORT, LONG]}, OPTIONS)
    words = "seventeen sheep, and ALL but nine of them run away one night in"
    for record in (
        Record(f"Sum up: {words} summer", "No."),
        Record("Sum up.", "No.", f"Once {words} spring"),
        Record("Tell me a riddle.", f"Here it is: {words} winter"),
        Record("Go on.", "No.", history=(Exchange(f"It had {words} May", "Yes"),)),
    ):
        hits = sets.hits(record)
        assert kinds(hits) == [("sheep", 1, "words")]
        assert hits[0].words == "seventeen sheep and all but nine of them run away one night in"


def test_twelve_words_in_a_row_are_none() -> None:
    sets = Decontamination({"sheep": [LONG]}, OPTIONS)
    record = Record("Sum up: sheep and all but nine of them run away one night in May", "No.")
    assert sets.hits(record) == []


def test_a_shorter_item_counts_whole() -> None:
    sets = Decontamination({"bears": [SHORT]}, OPTIONS)
    reported = Record(
        "Tell me something.", "They asked me what colour is a polar bear, and I knew."
    )
    part = Record("Tell me something.", "They asked me what colour is a polar fox, and I knew.")
    assert kinds(sets.hits(reported)) == [("bears", 0, "words")]
    assert sets.hits(reported)[0].score == 1.0
    assert sets.hits(part) == []


def test_an_item_of_very_few_words_is_not_looked_for_in_text() -> None:
    sets = Decontamination({"tiny": ["is it so"]}, OPTIONS)
    assert sets.hits(Record("Tell me.", "Who knows, is it so or not?")) == []
    # By ROUGE-L it is an item like any other.
    assert kinds(sets.hits(Record("Is it so?", "Yes"))) == [("tiny", 0, "rouge_l")]


def test_the_score_of_words_is_the_share_of_the_item() -> None:
    sets = Decontamination({"sheep": [LONG]}, OPTIONS)
    whole = sets.hits(Record("Tell a riddle.", LONG))
    assert [(hit.kind, hit.score) for hit in whole] == [("words", 1.0)]
    half = sets.hits(Record("Tell a riddle.", " ".join(LONG.split()[:20])))
    assert 0 < half[0].score < 1


def test_an_instruction_near_an_item_is_a_hit() -> None:
    sets = Decontamination({"a": ["Boil an egg."], "b": ["Name three seas of the world."]}, OPTIONS)
    text = "Name three lakes of the world."
    hits = sets.hits(Record(text, "Baltic, Red, Black"))
    assert hits == [
        Hit("b", 0, "rouge_l", Reference().score("Name three seas of the world.", text))
    ]


def test_the_input_is_part_of_the_question_for_rouge() -> None:
    item = "Sort the words. pear apple fig kiwi plum cherry"
    sets = Decontamination({"sorting": [item]}, OPTIONS)
    assert sets.hits(Record("Sort the words.", "fig")) == []
    hits = sets.hits(Record("Sort the words.", "fig", "pear apple fig kiwi plum melon"))
    assert kinds(hits) == [("sorting", 0, "rouge_l")]


def test_the_threshold_is_the_users() -> None:
    record = Record("Name three lakes of the world.", "x")
    strict = DecontaminationOptions(threshold=0.9)
    assert Decontamination({"b": ["Name three seas of the world."]}, strict).hits(record) == []


def test_every_item_with_the_same_words_is_reported_once() -> None:
    sets = Decontamination({"one": [LONG, LONG], "two": [f"{LONG} Explain."]}, OPTIONS)
    hits = [hit for hit in sets.hits(Record("Riddle.", f"{LONG} {LONG}")) if hit.kind == "words"]
    assert kinds(hits) == [("one", 0, "words"), ("one", 1, "words"), ("two", 0, "words")]


def test_scripts_without_spaces_have_their_characters_as_words() -> None:
    item = "\u5317\u4eac\u662f\u4e2d\u56fd\u7684\u9996\u90fd\u4e5f\u662f\u4e00\u5ea7\u53e4\u57ce"
    sets = Decontamination({"cities": [item]}, OPTIONS)
    assert kinds(sets.hits(Record("\u4ecb\u7ecd", f"\u4f17\u6240\u5468\u77e5{item}\u3002"))) == [
        ("cities", 0, "words")
    ]


def test_no_test_set_no_hit() -> None:
    assert Decontamination({}, OPTIONS).hits(Record("Name a sea.", "Baltic")) == []
    assert Decontamination({"empty": [""]}, OPTIONS).hits(Record("Name a sea.", "Baltic")) == []


def test_a_hit_is_reported_as_a_filter_reports_it() -> None:
    words = Hit("exam", 3, "words", 0.5, "so it is").dropped
    assert (words.reason, words.detail) == (DECONTAMINATION_REASON, 'exam, item 3: "so it is"')
    assert Hit("exam", 3, "rouge_l", 0.75).dropped.detail == "exam, item 3: ROUGE-L 0.750"


def test_the_items_may_come_as_a_stream() -> None:
    sets = Decontamination({"sheep": (text for text in [LONG])}, OPTIONS)
    assert kinds(sets.hits(Record("Riddle.", LONG))) == [("sheep", 0, "words")]
