"""What the tables of a part say, in sentences that depend on the numbers: how far from real images its models are, what
a mixture fitted afterwards changes, and what each change of an algorithm does.

With `ENOUGH` seeds a 95 % interval decides (`difference.py`); with fewer the values do, which is said.
"""

from collections.abc import Iterable

import pandas as pd

from lprior import runs
from lprior.evaluation.metrics import by_title
from lprior.report.control import OF_FEW_RUNS, UNMEASURED, listed, signs_of
from lprior.report.difference import ENOUGH
from lprior.report.frame import MIXTURE, anchors, form
from lprior.report.latex import named, spread
from lprior.report.rules import values
from lprior.report.tables import like_anchors
from lprior.runs import title_of

COLUMNS = ("FID", "score", "precision", "recall")


def in_words(table: pd.DataFrame) -> dict[str, str]:
    """Sentences in LaTeX on the models of the main tables, by the keys that the text of a part asks for."""
    main = table[table["key"].isin(runs.models())]
    main = main if len(main) else table
    return {
        "real images": nearest_to_real(main),
        "mixtures": mixtures(main),
    }


def nearest_to_real(table: pd.DataFrame) -> str:
    """For each of `COLUMNS` the model, or mixture on its codes, whose mean is the nearest to what real images get."""
    if not like_anchors(table):
        return "What real images get was not measured by this protocol."
    real, said = anchors(table["dataset"].iloc[0]), []
    for name in COLUMNS:
        rows = {
            f"{in_prose(key)}{' with a mixture' if prefix else ''}": found
            for key in table["key"].unique() for prefix in ("", MIXTURE)
            if len(found := values(table, key, prefix + name))
        }  # fmt: skip
        if not rows:
            continue
        who, found = min(rows.items(), key=lambda item: abs(item[1].mean() - real[name]))
        said.append(f"{name} {spread(found, form(name))} of {who} (real {form(name).format(real[name])})")
    models = listed(in_prose(key) for key in table["key"].unique())
    began = f"Of {models} and mixtures on their codes, the nearest to real images, by the first judge"
    return f"{began}: {'; '.join(said)}." if said else UNMEASURED


def mixtures(table: pd.DataFrame) -> str:
    """On which models a mixture fitted afterwards is better than the model's own prior, and on which it is worse; of
    models with few seeds in a sentence of their own."""
    of_seeds: dict[int, list[str]] = {}
    for key in table["key"].unique():
        if seeds := len(values(table, key, f"{MIXTURE}FID")):
            of_seeds.setdefault(min(seeds, ENOUGH), []).append(key)
    return " ".join(_of_mixtures(table, *group) for group in sorted(of_seeds.items(), reverse=True)) or UNMEASURED


def _of_mixtures(table: pd.DataFrame, seeds: int, keys: list[str]) -> str:
    said = []
    for name in ("FID", "score", "recall"):
        found = {key: signs_of(table, (key, MIXTURE), (key, ""), [name]) for key in keys}
        signs = {key: one[name] for key, one in found.items() if one}
        said += _split(signs, {1: f"improves {name} on", -1: f"worsens {name} on"})
    said = said or ["changes nothing that is told apart"]
    rest = "; no other difference to a model's own prior is told apart" if seeds >= ENOUGH else ""
    return f"{_began(seeds)}, a mixture fitted afterwards {listed(said)}{rest}."


def changes(table: pd.DataFrame, base: str, models: Iterable[str], names: Iterable[str] = ("FID",)) -> str:
    """Which of the models have a lower FID than `base`, which a higher one, and which are not told apart; so with the
    other metrics of `names`."""
    said, seeds = [], []
    for name in names:
        found = {model: signs_of(table, (model, ""), (base, ""), [name]) for model in models}
        signs = {model: one[name] for model, one in found.items() if one}
        if signs:
            seeds += [len(values(table, model, name)) for model in (base, *signs)]
            above = 1 if by_title(name).higher_is_better else -1  # the sign of a higher value
            words = _split(signs, {-above: "lower with", above: "higher with", 0: "not told apart with"})
            said.append(f"the {name} is {listed(words)}")
    return f"{_began(min(seeds))}, against {in_prose(base)} {'; '.join(said)}." if said else UNMEASURED


def lowest(table: pd.DataFrame, models: Iterable[str]) -> str:
    """Which of the models, or of the mixtures on their codes, has the lowest mean FID."""
    found = {
        f"{in_prose(key)}{' with a mixture' if prefix else ''}": column
        for key in models for prefix in ("", MIXTURE)
        if len(column := values(table, key, f"{prefix}FID"))
    }  # fmt: skip
    if not found:
        return UNMEASURED
    who, column = min(found.items(), key=lambda item: item[1].mean())
    return f"The lowest mean FID of these and of mixtures on their codes is {spread(column, form('FID'))}, of {who}."


def in_prose(model: str) -> str:
    """What a sentence calls a model: "LP-AAE (fixed prior)"."""
    first, _, rest = title_of(model).partition(", ")
    return named(f"{first} ({rest})" if rest else first)


def _began(seeds: int) -> str:
    return "By 95\\,\\% intervals over the seeds" if seeds >= ENOUGH else OF_FEW_RUNS[seeds]


def _split(signs: dict[str, int], phrases: dict[int, str]) -> list[str]:
    """For each sign with a phrase and models: the phrase, and the models."""
    found = {which: [in_prose(key) for key, of in signs.items() if of == which] for which in phrases}
    return [f"{phrases[which]} {listed(models)}" for which, models in found.items() if models]
