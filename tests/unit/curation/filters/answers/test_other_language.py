import pytest

from app.curation.filter import Dropped
from app.curation.filters.answers.other_language import (
    is_of_another_script,
    is_plainly_english,
    kin_of,
    language_of,
    letters_in,
    make,
)
from app.curation.options import FilterOptions
from app.dataset_row import Record

GERMAN = "Ein Fahrrad bleibt aufrecht, weil der Fahrer lenkt und die R\u00e4der sich drehen."
RECORD = Record("Explain how a bicycle stays upright when it moves.", GERMAN)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The sky is blue because the light of the sun is scattered in the air.", "en"),
        (GERMAN, "de"),
        (
            "Le ciel est bleu parce que la lumi\u00e8re du soleil est diffus\u00e9e dans l'air.",
            "fr",
        ),
        ("qwx zzkt", None),
        ("", None),
    ],
)
def test_a_language_is_named_where_it_is_certain(text: str, language: str | None) -> None:
    assert language_of(text, 0.9) == language


def test_languages_that_are_hard_to_tell_apart_are_certain_together() -> None:
    # Between Portuguese and Galician the model is not sure, but no other is in question.
    text = "O c\u00e9u parece azul porque a luz do sol se espalha no ar durante o dia."
    assert language_of(text, 0.99) in {"pt", "gl"}


def test_shorter_texts_than_wanted_are_not_judged() -> None:
    assert isinstance(make(FilterOptions()).apply(RECORD), Dropped)
    lenient = make(FilterOptions(language_letters=200))
    assert lenient.apply(RECORD) is RECORD


ENGLISH = "Explain to me in detail how bicycles stay upright while riding downhill."


def is_dropped(instruction: str, output: str, given: str = "", **options: float) -> bool:
    found = make(FilterOptions(**options)).apply(Record(instruction, output, given))
    return isinstance(found, Dropped)


@pytest.mark.parametrize(
    "names",
    [
        "\u043f\u0435\u0440\u0435\u0432", "\u7ffb\u8bd1", "\u7ffb\u8b6f", "\u8a33", "\ubc88\uc5ed",
        "\u82f1\u8a9e", "\u82f1\u8bed", "\u65e5\u672c\u8a9e", "\u4e2d\u6587", "\"French",
        "'french", "`french", "(french", "[french", "{french", "<french", "*french", "Frenchmen",
    ],
)  # fmt: skip
def test_an_instruction_that_names_a_language_is_not_judged(names: str) -> None:
    assert is_dropped(ENGLISH, GERMAN)
    assert not is_dropped(f"{ENGLISH} {names}", GERMAN)


@pytest.mark.parametrize(
    "one_of_kin",
    [
        "no nb nn da sv", "hr bs sr sl mk bg", "id ms jv tl", "cs sk pl",
        "es gl pt ca oc an ast it", "nl af de lb", "ru uk be", "hi mr ne", "fr wa ca oc", "zh ja",
    ],
)  # fmt: skip
def test_languages_of_one_kin_are_not_told_apart(one_of_kin: str) -> None:
    codes = one_of_kin.split()
    for code in codes:
        assert set(codes) <= kin_of(code)
    assert kin_of("en") == {"en"}
    assert "de" not in kin_of("fr")


def test_what_the_model_calls_no_language_is_never_sure() -> None:
    latin = "Gallia est omnis divisa in partes tres, quarum unam incolunt Belgae, aliam Aquitani."
    esperanto = "La suno brilas kaj la birdoj kantas en la granda gxardeno de mia amiko."
    assert [language_of(text, 0.5) for text in (latin, esperanto)] == [None, None]


@pytest.mark.parametrize(
    ("text", "is_english"),
    [
        ("tell", False), ("tell the", True), ("Tell THE", True), ("", False),
        ("the" + " x" * 48, True), ("the" + " xx" * 32 + " ", False),
        ("the of" + " xx" * 64, True), ("the of" + " xx" * 65, False),
        ("the of and" + " xx" * 65, True), ("the of and" + " xx" * 300, True),
        ("the of" + " xx" * 300, False), ("xx " * 133 + " the of and", False),
        ("the the the" + " xx" * 90, False),
    ],
)  # fmt: skip
def test_a_text_is_plainly_english_by_enough_words_for_its_length(
    text: str, is_english: bool
) -> None:
    assert is_plainly_english(text) is is_english


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0), ("ab 1!", 2), ("a" * 400, 400), ("a" * 401, 400), ("\u00e9a", 2), ("\u5927", 3),
        ("\u0e01\u1000\u1780\u3042\uac00", 15), ("\u5927" * 500, 1_200), ("\u0430", 1),
    ],
)  # fmt: skip
def test_a_character_that_is_a_syllable_or_a_word_counts_as_three_letters(
    text: str, length: int
) -> None:
    assert letters_in(text) == length


@pytest.mark.parametrize(
    ("asked", "said", "is_other"),
    [
        ("abc", "def", False),
        ("abc", "\u0434\u0435\u0436", True),
        ("\u0434\u0435\u0436", "abc", True),
        ("\u0434\u0435\u0436", "\u0434", False),
        ("\u00e9", "\u00e8", False),
        ("a" * 9 + "\u0434", "\u0434" * 10, True),
        ("a" * 8 + "\u0434\u0434", "\u0434" * 10, False),
        ("a" * 10, "\u0434" * 19 + "a", True),
        ("a" * 10, "\u0434" * 8 + "aa", False),
        ("12", "\u0434", False),
        ("a" * 10, "\u00b2", False),
        ("a" * 400 + "\u0434" * 400, "\u0434" * 400 + "a" * 400, True),
    ],
)
def test_texts_are_of_different_scripts_when_nine_of_ten_letters_are(
    asked: str, said: str, is_other: bool
) -> None:
    assert is_of_another_script(asked, said) is is_other


@pytest.mark.parametrize(("letters", "dropped"), [(10, True), (60, True), (61, False)])
def test_both_texts_have_at_least_the_letters_of_the_option(letters: int, dropped: bool) -> None:
    assert min(letters_in(ENGLISH), letters_in(GERMAN)) == 60
    assert is_dropped(ENGLISH, GERMAN, language_letters=letters) is dropped


def test_an_output_in_the_language_of_the_input_or_with_code_stays() -> None:
    german = "Das Rad steht aufrecht, solange der Fahrer lenkt und das Rad sich dreht."
    assert not is_dropped(ENGLISH, GERMAN, german)
    assert is_dropped(ENGLISH, GERMAN, ENGLISH)
    assert not is_dropped(ENGLISH, f"{GERMAN}\n```")
    assert not is_dropped(german, GERMAN)


def test_the_beginning_of_the_output_is_the_detail() -> None:
    found = make(FilterOptions()).apply(Record(ENGLISH, GERMAN * 3))
    assert found == Dropped("other_language", (GERMAN * 3)[:100])
