# Letters that look like Latin ones are what is tested here.
# ruff: noqa: RUF001
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import tokenize

from app.similarity.tokenizers import fold, tokenize_rouge, tokenize_unicode


@given(st.text() | st.text(st.characters(max_codepoint=0x17F)))
def test_rouge_splits_any_text_as_rouge_score_does(text: str) -> None:
    assert tokenize_rouge(text) == tokenize.tokenize(text, None)


@given(st.text(st.characters(max_codepoint=127)))
def test_both_split_ascii_text_alike(text: str) -> None:
    assert tokenize_unicode(text) == tokenize_rouge(text)


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_words_split_alike_beside_other_scripts(text: str) -> None:
    # The accented word takes the way of all non-ASCII text.
    assert tokenize_unicode(f"é {text}") == ["é", *tokenize_rouge(text)]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("写一首关于春天的诗。", list("写一首关于春天的诗")),
        ("春の詩をかく", list("春の詩をかく")),
        ("コーヒー人々〇", ["コ", "ー", "ヒ", "ー", "人", "々", "〇"]),
        ("اكتب قصيدة عن الرّبيع", ["اكتب", "قصيدة", "عن", "الرّبيع"]),
        ("वसंत के बारे में हिन्दी कविता", ["वसंत", "के", "बारे", "में", "हिन्दी", "कविता"]),
        ("ภาษาไทย ที่", [*"ภาษาไทย", "ท", "ี", "่"]),
        ("ພາສາ", list("ພາສາ")),
        ("ភាសា", list("ភាសា")),
        ("မြန်မာ", list("မြန်မာ")),
        ("봄에 대한 시", ["봄에", "대한", "시"]),
        ("Напиши СТИХ о весне", ["напиши", "стих", "о", "весне"]),
        ("ＷＲＩＴＥ　ａ　ｐｏｅｍ", ["write", "a", "poem"]),
        ("ｶﾞﾝ", ["ガ", "ン"]),
        ("写a poem关于GPT4", ["写", "a", "poem", "关", "于", "gpt4"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("cafe\u0301 café", ["café", "café"]),
        ("don't snake_case x²", ["don", "t", "snake", "case", "x2"]),
        ("soft\u00adhyphen می\u200cخواهم", ["softhyphen", "میخواهم"]),
        ("葛\U000e0100飾", ["葛", "飾"]),
        ("😀 → !?", []),
        ("a\ud800b", ["a", "b"]),
        ("\ud800", []),
    ],
)
def test_every_script_keeps_its_letters_and_marks(text: str, tokens: list[str]) -> None:
    assert tokenize_unicode(text) == tokens


@given(st.text())
def test_any_text_folds_to_something_that_folds_no_further_in_case_or_space(text: str) -> None:
    folded = fold(text)
    assert " ".join(folded.split()) == folded.strip()
    assert tokenize_unicode(folded) == tokenize_unicode(text)


def test_looks_decide_whether_folded_texts_are_equal() -> None:
    assert fold("  ！？ \n …") == fold("!? ...")
    assert fold("!!") != fold("!")


def test_a_megabyte_of_combining_marks_takes_no_longer_than_other_text() -> None:
    # Sorting the marks of one letter is quadratic: unguarded, this takes hours.
    assert tokenize_unicode("a" + "\u0301\u0316" * 250_000)
