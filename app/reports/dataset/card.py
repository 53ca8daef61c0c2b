"""The data set card: a README with the hub's front matter, written from recorded facts only.

What is not known is written as unknown. A section without facts is left out, or says what is
missing where that matters to users of the data.
"""

from app.reports.dataset.comparison import comparison
from app.reports.dataset.facts import CardFacts, licence_of
from app.reports.dataset.front_matter import front_matter
from app.reports.dataset.limits import known_limits
from app.reports.dataset.loading import how_to_load
from app.reports.dataset.plots import filter_counts, rejection_counts
from app.reports.markdown import fenced, inline, name, picture, table
from app.reports.wording import UNKNOWN, money, number, ratio, share, size

_MOST_ROWS = 40
_KINDS = {"run": "run", "seed_set": "seed set", "import": "imported file"}
_PLOTS = {
    "verbs": "Most common verbs and their direct objects",
    "lengths": "Lengths of instructions, inputs and outputs",
    "seed-similarity": "Similarity of rows to the nearest seed task",
    "label-balance": "Label balance, output-first compared with input-first",
    "labels": "Most common labels",
    "acceptance": "Accepted instructions by model calls",
    "rejections": "Why candidates were rejected",
    "filters": "Effect of the filters",
    "splits": "Splits",
}


def dataset_card(facts: CardFacts) -> str:
    """Write the card; the same bytes for the same facts."""
    parts = [
        _opening(facts),
        _numbers(facts),
        _making(facts),
        _filters(facts),
        _decontamination(facts),
        _sources(facts),
        _terms(facts),
        _pictures(facts),
        _files(facts),
        how_to_load(facts),
        _limits(facts),
    ]
    return front_matter(facts) + "\n\n" + "\n\n".join(part for part in parts if part) + "\n"


def _opening(facts: CardFacts) -> str:
    rows = number(facts.statistics.rows)
    by = f" by Seedbed {inline(facts.seedbed_version)}" if facts.seedbed_version else " by Seedbed"
    what = (
        f"{rows} rows of instruction, input and output. Version {facts.version}, made "
        f"{inline(facts.created_at)}{by}."
    )
    if facts.runs:
        what += (
            " A language model wrote instructions and answers from seed tasks by the Self-Instruct "
            "method (Wang et al. 2022, arXiv 2212.10560)."
        )
    return f"# {inline(facts.name)}\n\n{what}"


def _numbers(facts: CardFacts) -> str:
    figures = comparison(facts.statistics, facts.runs)
    rows = [[inline(cell) for cell in row] for row in figures.rows]
    return f"## Statistics\n\n{table(figures.headers, rows)}"


def _making(facts: CardFacts) -> str:
    text = "## Provenance"
    if facts.runs:
        headers = [
            "run",
            "profile",
            "model",
            "from",
            "to",
            "candidates",
            "accepted",
            "rows",
            "cost",
        ]
        rows = [
            [
                name(run.run_id),
                name(run.profile),
                ", ".join(name(model) for model in run.models) or UNKNOWN,
                inline(run.started_at or UNKNOWN),
                inline(run.ended_at or UNKNOWN),
                number(run.candidates),
                number(run.accepted),
                number(run.rows),
                inline(money(run.cost_usd)),
            ]
            for run in facts.runs[:_MOST_ROWS]
        ]
        text += "\n\n" + table(headers, rows) + _prompts(facts) + _rejections(facts)
    else:
        text += "\n\nThese rows were not made by a Seedbed run; how they were written is unknown."
    if facts.recipe:
        text += "\n\nRecipe:\n\n" + fenced(facts.recipe, "json")
    return text


def _prompts(facts: CardFacts) -> str:
    versions = dict.fromkeys(version for run in facts.runs for version in run.prompt_versions)
    listed = ", ".join(name(version) for version in list(versions)[:_MOST_ROWS]) or UNKNOWN
    return f"\n\nPrompt versions: {listed}."


def _rejections(facts: CardFacts) -> str:
    counts = rejection_counts(facts.runs)[:_MOST_ROWS]
    if not counts:
        return ""
    rows = [[inline(stage), inline(reason), number(count)] for stage, reason, count in counts]
    return "\n\nRejected candidates:\n\n" + table(["stage", "reason", "count"], rows)


def _filters(facts: CardFacts) -> str:
    if not facts.filters:
        return "## Filters\n\nNo filters were used."
    looked = ", ".join(f"{inline(f.name)} ({number(f.looked_at)} rows)" for f in facts.filters)
    text = f"## Filters\n\nIn this order, with the number of rows checked: {looked}."
    counts = filter_counts(facts.filters)[:_MOST_ROWS]
    rows = [[inline(f), what, inline(reason), number(n)] for f, what, reason, n in counts]
    return text + ("\n\n" + table(["filter", "action", "reason", "rows"], rows) if rows else "")


def _decontamination(facts: CardFacts) -> str:
    text = "## Decontamination\n\n"
    if not facts.decontamination:
        return text + "The rows were not checked against any test set; overlap is unknown."
    rows = [
        [
            inline(each.test_set),
            number(each.test_rows),
            ", ".join(inline(method) for method in each.methods) or UNKNOWN,
            number(each.checked),
            number(each.hits),
            number(each.dropped),
        ]
        for each in facts.decontamination[:_MOST_ROWS]
    ]
    headers = ["test set", "its rows", "methods", "rows checked", "hits", "dropped"]
    return text + table(headers, rows)


def _sources(facts: CardFacts) -> str:
    text = "## Sources and licences\n\n"
    text += (
        f"Licence of the data set, chosen by its owner: {inline(facts.licence)}."
        if facts.licence
        else "The licence of the data set is unknown: its owner stated none."
    )
    if not facts.sources:
        return text + " Its sources are not recorded."
    rows = [
        [
            _KINDS[each.kind],
            name(each.name),
            number(each.rows),
            inline(licence_of(each)),
            inline(each.note),
        ]
        for each in facts.sources[:_MOST_ROWS]
    ]
    return text + "\n\n" + table(["kind", "source", "rows", "licence", "note"], rows)


def _terms(facts: CardFacts) -> str:
    models = dict.fromkeys(model for run in facts.runs for model in run.models)
    if not models:
        return ""
    listed = ", ".join(name(model) for model in list(models)[:_MOST_ROWS])
    return (
        f"## Terms of the model's provider\n\nAnswers were written by {listed}. The terms of the "
        "model's provider may restrict the use of its answers, such as training other models on "
        "them. Seedbed does not know those terms. Read them before you use the data."
    )


def _pictures(facts: CardFacts) -> str:
    near, verbs = facts.statistics.seed_similarity, facts.statistics.verbs
    sentences = []
    if verbs.looked_at:
        sentences.append(
            f"A verb with a direct object was found in {number(verbs.found)} of "
            f"{number(verbs.looked_at)} distinct instructions ({inline(verbs.method)}); the 20 "
            f"most common verbs with up to four nouns each cover {share(verbs.covered_share)}."
        )
    if near.scored:
        sentences.append(
            f"The highest ROUGE-L F of a row's instruction to any seed is {ratio(near.mean)} on "
            f"average ({number(near.scored)} rows)."
        )
    shown = [picture(text, facts.plots[key]) for key, text in _PLOTS.items() if key in facts.plots]
    paragraphs = [" ".join(sentences), *shown]
    body = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    return f"## Diversity and balance\n\n{body}" if body else ""


def _files(facts: CardFacts) -> str:
    if not facts.files:
        return ""
    rows = [
        [
            name(each.path),
            inline(each.format),
            inline(each.split or ""),
            number(each.rows),
            UNKNOWN if each.size_bytes is None else size(each.size_bytes),
            name(each.sha256) if each.sha256 else UNKNOWN,
        ]
        for each in facts.files[:_MOST_ROWS]
    ]
    return "## Files\n\n" + table(["file", "format", "split", "rows", "size", "SHA-256"], rows)


def _limits(facts: CardFacts) -> str:
    return "## Known limits\n\n" + "\n".join(f"- {limit}" for limit in known_limits(facts))
