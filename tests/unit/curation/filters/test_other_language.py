import pytest

from app.curation.filter import Dropped
from app.curation.filters.other_language import language_of, make
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
