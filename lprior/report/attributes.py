"""What the report shows of attributes that are measured on the image itself: arithmetic on codes, and s beside z; of
runs that `python -m lprior attributes` has measured."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lprior.data import DATASETS
from lprior.evaluation.attributes import RULERS
from lprior.report.control import listed
from lprior.report.difference import ENOUGH, from_level
from lprior.report.frame import COMPONENTS, anchors, form, named, table_of
from lprior.report.latex import Table, escape, header, row, spread, spreads
from lprior.report.tables import like_anchors
from lprior.results import RunFolder
from lprior.runs import title_of

NAME, COLOURS, WITH_S = "attributes", "attributes-colours", "disentanglement"  # of tables; what the text asks for
MODELS = ("aae", "vae", "vaegan", "lpaae-fixed", "lpaae")
STUDIES_WITH_S = ("conditions", "conditions_unsupervised")
SHOWN = ("thickness", "slant", "height")  # of digits; all have a width, too
FACTS = ("model", "$n$", "epochs")
BEHIND, LEVEL, AHEAD = "behind", "not told apart", "ahead"
FEW = "of too few seeds to test"


def write(
    runs: Iterable[RunFolder], of_study: Iterable[RunFolder], output: Path
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The tables of what was measured in `runs` on digits and on pictures, and of models with s in a study, too. Gives
    the labels of those that are there, by what the text asks for, and what else it may ask for, by key."""
    runs, folder = list(runs), output / "tables"
    table, pictures = _measured(runs, "digits"), _measured(runs, "pictures")
    plain, pictures = (some[some["key"].isin(MODELS)] for some in (table, pictures))
    labels, said = {}, {}
    if len(plain):
        arithmetic_table(plain, ("r", "slope")).write(folder, NAME)
        arithmetic_table(plain, ("class",)).write(folder, f"{NAME}-class")
        labels[NAME], said[f"{NAME}/control"] = [f"tab:{NAME}", f"tab:{NAME}-class"], control_in_words(plain)
    if len(pictures):
        arithmetic_table(pictures, ("r", "slope", "class"), "pictures").write(folder, COLOURS)
        labels[COLOURS], said[f"{COLOURS}/control"] = [f"tab:{COLOURS}"], control_in_words(pictures, "pictures")
    if (table.get("slant kept", pd.Series(dtype=float)).notna()).any():
        disentanglement_table(table, _measured(of_study, "digits")).write(folder, WITH_S)
        labels[WITH_S] = [f"tab:{WITH_S}"]
    return labels, said


def _measured(runs: Iterable[RunFolder], family: str) -> pd.DataFrame:
    """The rows of runs on data of a family that have these metrics."""
    table = table_of(run for run in runs if DATASETS[run.config().dataset].family == family)
    first = f"{RULERS[family].names[0]} r"
    return table[table[first].notna()] if first in table else pd.DataFrame(columns=["key"])


def arithmetic_table(
    table: pd.DataFrame, what: tuple[str, ...], family: str = "digits", models: Iterable[str] = MODELS
) -> Table:
    """The control first, then a row for each of the models: of each attribute correlation, slope or share that keeps
    its class, by their names in the titles."""
    columns = [f"{name} {one}" for one in what for name in RULERS[family].names]
    rows = [row(["Principal components", "", "", *spreads(table.iloc[:1], columns, COMPONENTS)]), "\\midrule\n"]
    for model in (model for model in models if model in set(table["key"])):
        group = table[table["key"] == model]
        rows.append(row([*_facts(model, group), *spreads(group, columns)]))
    return Table(header(columns, FACTS), "".join(rows))


def study_table(runs: Iterable[RunFolder], models: Iterable[str]) -> Table | None:
    """The same of a study on digits: correlation and slope of its models. None where no run was measured so."""
    table = _measured(runs, "digits")
    return arithmetic_table(table, ("r", "slope"), models=models) if len(table) else None


def control_in_words(table: pd.DataFrame, family: str = "digits") -> str:
    """Of the correlations of each attribute but height, which models are behind the control, which is said first, which
    are not told apart from it, which are ahead, and which have too few seeds; in LaTeX."""
    sentences = []
    for name in (name for name in RULERS[family].names if name != "height"):
        control = float(table[f"{COMPONENTS}{name} r"].iloc[0])
        groups: dict[str, list[str]] = {BEHIND: [], LEVEL: [], AHEAD: [], FEW: []}
        for model in (model for model in MODELS if model in set(table["key"])):
            found = pd.to_numeric(table[table["key"] == model][f"{name} r"])
            group = [LEVEL, AHEAD, BEHIND][from_level(found, control).sign(True)] if len(found) >= ENOUGH else FEW
            title = escape(title_of(model).replace(", ", " with a ", 1))
            groups[group].append(f"{title} ({spread(found, form(f'{name} r'))})" if group == FEW else title)
        said = [f"{word}: {listed(models)}" for word, models in groups.items() if models]
        sentences.append(f"{name} ({form(f'{name} r').format(control)}), {'; '.join(said)}")
    return rf"Against principal components (in brackets), by 95\,\% intervals: {'. '.join(map(_capital, sentences))}."


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def disentanglement_table(table: pd.DataFrame, beside: pd.DataFrame) -> Table:
    """Real digits first, without numbers where these were not measured as the runs were (`like_anchors`), then models
    with s, those of the study below the others, and AAE's codes. Below each model
    what its numbers are to be held against: z shuffled, and images from z and s of one image."""
    probes = ["linear probe", "nearest neighbours"]
    kept, swapped = ([f"{name} {what}" for name in SHOWN] for what in ("kept", "swapped"))
    columns = [*probes, *kept, *swapped, "swapped obeyed"]
    blank = [""] * len(columns)
    real = pd.DataFrame([anchors(table["dataset"].iloc[0]) if like_anchors(table) else named({})])
    rows = [row(["Real digits", "", "", *spreads(real, [*probes, *kept]), *blank[len(probes + kept) :]])]
    for block in (table, beside):
        groups = [(model, group) for model, group in block.groupby("key", sort=False)
                  if "slant kept" in group and group["slant kept"].notna().all()]  # fmt: skip
        rows += ["\\midrule\n"] if groups else []
        for model, group in groups:
            rows.append(row([*_facts(model, group), *spreads(group, columns)]))
            shuffled, own = ([f"{name} {what}" for name in SHOWN] for what in ("shuffled", "own"))
            against = ["", "", *spreads(group, shuffled), *spreads(group, own), ""]
            rows.append(row([r"\quad shuffled z; own s", "", "", *against]))
    codes = table[table["key"] == "aae"]
    if len(codes):
        rows += ["\\midrule\n", row([*_facts("aae", codes), *spreads(codes, probes), *blank[2:]])]
    return Table(header(columns, FACTS), "".join(rows))


def _facts(model: str, group: pd.DataFrame) -> list[str]:
    return [escape(title_of(model)), str(len(group)), str(group["epochs"].iloc[0])]
