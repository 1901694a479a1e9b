"""values.tex: every number and word that the report takes from the runs, by the key that the text asks for."""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lprior.data import DATASETS
from lprior.evaluation import recipes
from lprior.evaluation.judges import evaluator_description
from lprior.evaluation.metrics import by_title
from lprior.figures import MOST_ROWS, spaced
from lprior.provenance import git_commit
from lprior.report import findings
from lprior.report.control import answer_in_words, control_in_words, frozen_in_words, listed, priors_in_words
from lprior.report.diverged import DIVERGED, in_words, lost_models
from lprior.report.frame import COSTS, SECOND, anchors, bare, form
from lprior.report.latex import MISSING, escape, spread
from lprior.report.parts import PARTS, Part, first_seeds
from lprior.report.sheets import published, real_like
from lprior.report.tables import BENCHMARKS, is_judged_twice

PRESET_NOTES = {
    "smoke": "This is a \\emph{smoke} build: seconds of training on little data with tiny networks. It shows that "
    "every step works, and none of its pictures and numbers is a result.",
    "quick": "Runs of the preset \\emph{quick} have small networks, which a CPU can train.",
    "full": "Runs of the preset \\emph{full} have large networks, on digits those of the original paper, for a GPU.",
}


def values(
    parts: dict[Part, pd.DataFrame], unavailable: tuple[str, ...], benchmarks: Path, pictured: list[str],
    diverged: tuple[str, ...] = (), facts: dict[str, str] | None = None,
) -> str:  # fmt: skip
    """The text of values.tex: \\setres{key}{text} for what the text may ask for, \\setrun{name} for each part, for each
    of its runs that somebody asked for, and for what is `pictured` beside them. `diverged`: runs that are not there.
    `facts`: more keys, with their texts."""
    shown = _general(parts, benchmarks) | (facts or {})
    shown["note"] += in_words(diverged)
    for part in PARTS:
        if part in parts:
            shown |= {f"{part.key}{key}": text for key, text in _of_part(parts[part]).items()}
            for model in lost_models(part, parts[part], diverged):
                shown |= {f"{part.key}{model}/{name}": DIVERGED for name in ["seeds", *parts[part].columns]}
        else:
            missing = any(dataset in unavailable for dataset in part.datasets)
            reason = "the data were not available" if missing else "no part of this build"
            reason = "training diverged" if lost_models(part, None, diverged) else reason
            shown[f"{part.name}/not run"] = f"Not run: {reason}."
    by_name = [f"{part.file}{key}" for part, table in parts.items() for key in part.by_name if key in set(table["key"])]
    twice = [f"{part.file}second" for part, table in parts.items() if is_judged_twice(table)]
    lines = [f"\\setrun{{{name}}}" for name in [*(part.name for part in parts), *by_name, *twice, *pictured]]
    return "\n".join(lines + [f"\\setres{{{key}}}{{{text}}}" for key, text in shown.items()]) + "\n"


def _general(parts: dict[Part, pd.DataFrame], benchmarks: Path) -> dict[str, str]:
    """What is said of the report as a whole."""
    tables = parts.values()
    used = dict.fromkeys(preset for table in tables for preset in table["preset"])
    titles = dict.fromkeys(title for table in tables for title in table["data title"])
    of_data = {title: note for spec in DATASETS.values() for title, note in spec.notes.items()}
    notes = [PRESET_NOTES.get(preset, "") for preset in used] + [of_data[title] for title in titles if title in of_data]
    return {
        "commit": git_commit(),
        "data sets": " and ".join(map(escape, titles)),
        "note": " ".join(notes),
        "made by": _made_by(tables),
        "machine": escape(_benchmarked(benchmarks)),
        **_times_to_quality(benchmarks),
        **{f"sheet {key}": f"{sheet['first']['score']:.2f}" for key, sheet in published().items()},
        **{f"real as sheet {key}": real_like(sheet) for key, sheet in published().items()},
    }


def _of_part(table: pd.DataFrame) -> dict[str, str]:
    """What holds for all runs of a part, and <model>/<fact>: over the model's seeds, or of the first."""
    any_run, first = table.iloc[0], first_seeds(table)
    dataset, measurable = any_run["dataset"], DATASETS[any_run["dataset"]].classifier
    described = evaluator_description(dataset) if measurable else {}
    shown = {
        "dataset": escape(any_run["data title"]),
        "samples": f"{any_run['samples']:,}".replace(",", "\\,"),
        "evaluator accuracy": f"{100 * described['accuracy_test']:.2f}" if measurable else "--",
        "evaluator version": str(described.get("version", "--")),
        "second accuracy": _accuracy_of_second(dataset),
    }
    shown |= {f"real {name}": _text(name, value) for name, value in anchors(dataset).items()}
    shown |= findings.in_words(table)
    shown["answer"], shown["control"] = answer_in_words(table), control_in_words(table)
    shown["frozen"] = frozen_in_words(table)
    shown["priors"] = priors_in_words(table)
    shown["second"] = second_in_words(table)
    for key, group in table.groupby("key", sort=False):
        shown[f"{key}/seeds"] = f"{len(group)} seed{'s' if len(group) > 1 else ''}"
        shown |= {f"{key}/{name}": _of_seeds(name, group[name], first.at[key, name]) for name in first.columns}
        shown[f"{key}/rows"] = listed(spaced(range(int(first.at[key, "epochs"]) + 1), MOST_ROWS))
    return shown


def _accuracy_of_second(dataset: str) -> str:
    if DATASETS[dataset].classifier not in recipes.SECOND:
        return "--"
    return f"{100 * evaluator_description(dataset, second=True)['accuracy_test']:.2f}"


def _of_seeds(name: str, values: pd.Series, first: object) -> str:
    """Of a number that is measured, mean and standard deviation over seeds, or a dash if one is missing; of what a run
    cost the median, as in the table of costs; of other facts that of the first seed."""
    if name in COSTS:
        numbers = pd.to_numeric(values, errors="coerce")
        return form(name).format(numbers.median()) if numbers.notna().all() else "--"
    if not _is_metric(name):
        return escape(_text(name, first))
    said = spread(values, form(name))
    return "--" if said == MISSING else said


def second_in_words(table: pd.DataFrame) -> str:
    """How many of the runs the second judge has measured."""
    seen = int(pd.to_numeric(table.get(f"{SECOND}FID", pd.Series(dtype=float)), errors="coerce").notna().sum())
    if seen == 0:
        return "It has measured none of the runs yet: what is said of them hangs on the first judge alone."
    return f"It measured {seen} of the {len(table)} runs in the tables."


def _made_by(tables: Iterable[pd.DataFrame]) -> str:
    """By which code the runs were made."""
    notes = [note for table in tables for note in table["made by"]]
    return escape(", ".join(f"{notes.count(note)} {note}" for note in dict.fromkeys(notes))) or "none"


def _benchmarked(benchmarks: Path) -> str:
    """The machine that the speed table was measured on."""
    for name in BENCHMARKS.values():
        if (path := benchmarks / f"{name}.json").exists():
            where = json.loads(path.read_text())["machine"]
            return f"{where['device']}, {where['threads']} threads"
    return "--"


def _times_to_quality(benchmarks: Path) -> dict[str, str]:
    """When LP-AAE's score of 2,000 samples reached 8 and 9, by who trained: "after 135 s", "not within 10 epochs"."""
    path = benchmarks / "time_to_quality.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    found = dict.fromkeys((f"time to {score}/{name}" for score in (8, 9) for name in ("tutorial loop", "lprior")), "--")
    for row in rows:
        for score in (8, 9):
            reached, never = row[f"score {score}"], f"not within {len(row['curve'])} epochs"
            found[f"time to {score}/{row['name']}"] = never if reached == "-" else f"after {reached}"
    return found


def _is_metric(name: str) -> bool:
    try:
        return bool(by_title(bare(name)))
    except KeyError:
        return False


def _text(name: str, value: object) -> str:
    if value is None or value != value or (isinstance(value, str) and _is_metric(name)):
        return "--"  # missing, no number, or a reason why there is none
    if isinstance(value, float):
        try:
            return form(name).format(value)
        except KeyError:
            return f"{value:.2f}"
    return str(value)
