"""Rules in code that give the verdict on a claim from our runs; `claims.py` has the claims.

A judge sees the runs on the claim's own data set, all its images, and answers with what we measured, in LaTeX, and a
verdict. A 95 % confidence interval over seeds (`difference.py`) decides, never the best seed: a metric is better or
worse if the interval is on one side of 0, else not decided. With fewer than `ENOUGH` seeds the values are shown and
nothing is tested; without a seed, or with one that lacks the metric, nothing is shown. Where both judges have measured
the runs, they have to agree.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd

from lprior.evaluation.metrics import by_title
from lprior.report.difference import ENOUGH, Interval, difference, from_draw, from_level
from lprior.report.frame import SECOND, anchors, form
from lprior.report.latex import spread
from lprior.report.sheets import published
from lprior.report.tables import like_anchors

REPRODUCED, PARTLY, MIXED = "reproduced", "partly", "mixed"
NOT, OPEN, UNTESTED = "not reproduced", "not decided", "not tested"
SEEDS = {1: "one seed", 2: "two seeds"}
COLLAPSED = 0.01  # recall below which a rival has lost most of the data: to be better than it tests nothing
Finding = tuple[str, str]  # our measurement in LaTeX, verdict
Judge = Callable[[pd.DataFrame], Finding]


@dataclass(frozen=True)
class ByOne:
    """What one judge finds: by metric a text in LaTeX and a sign, 1 better, -1 worse, 0 not decided; the verdict. No
    sign of a metric that is not tested, no text of one that is not measured."""

    texts: dict[str, str]
    signs: dict[str, int]
    verdict: str


@dataclass(frozen=True)
class Rule:
    """What judges a claim: `judge` sees the runs of a study of `runs.STUDIES`, or of no study. `shown`: in LaTeX, where
    this report shows them. `part`: the runs have so small a part of the paper's training that they could show that less
    is enough, and nothing else."""

    judge: Judge
    shown: str
    study: str = ""
    part: bool = False


@dataclass(frozen=True)
class Claim:
    """`published`: LaTeX, the published value with its source; "" for a claim that is ours and no paper's.

    `printed` judges by runs with the paper's own terms alone, `ours` by the algorithm as we run it; None: there are no
    such runs. Both see the runs on all images of `dataset` only.
    """

    text: str
    published: str
    ours: Rule | None = None
    printed: Rule | None = None
    dataset: str = "mnist"


def compare(ours: str, theirs: str, metrics: tuple[str, ...], control: str = "") -> Judge:
    """The rule for "`ours` is better than `theirs`" in all of the metrics.

    `control` is put before the names of the second model's metrics, to compare with the mixture on its codes.
    """

    def judge(table: pd.DataFrame, prefix: str) -> ByOne:
        pairs = {
            name: (values(table, ours, prefix + name), values(table, theirs, prefix + control + name))
            for name in metrics
        }
        texts, signs = {}, {}
        for name, pair in pairs.items():
            if few := _too_few(*pair):
                texts |= {name: against(name, *pair)} if few != UNTESTED else {}
                continue
            interval = difference(*pair)
            texts[name] = f"{against(name, *pair)}: {interval.text(form(name))}"
            signs[name] = interval.sign(by_title(name).higher_is_better)
        if few := _too_few(*(column for pair in pairs.values() for column in pair)):
            return ByOne(texts, signs, few)
        if "recall" in pairs and pairs["recall"][1].mean() < COLLAPSED:
            return ByOne(texts, signs, f"the rival has collapsed: {UNTESTED}")
        return ByOne(texts, signs, verdict_of(signs.values()))

    return by_both(judge, metrics)


def beside(judge: Judge, name: str, other: Judge) -> Judge:
    """The rule of `judge`; what `other` finds of a rival explanation, `name`, is said, and decides nothing."""

    def both(table: pd.DataFrame) -> Finding:
        (text, verdict), (text_of_other, of_other) = judge(table), other(table)
        if text == "--" or text_of_other == "--":
            return text, verdict
        return f"{text}; beside it {name}: {text_of_other}, {of_other}", verdict

    return both


def reach(model: str, name: str, level: float) -> Judge:
    """The rule for "`model` has a `name` of `level`", a number without a spread."""
    return _over(model, name, lambda prefix: level, from_level)


def fresh(judge: Judge, first: int) -> Judge:
    """The rule of `judge` by the seeds from `first` on: for a claim whose settings were chosen on those before."""
    return lambda table: judge(table[table["seed"] >= first] if len(table) else table)


def reach_real(model: str, name: str) -> Judge:
    """The rule for "`model` has a `name` as good as that of real images", which must have been measured as the runs
    were (`tables.like_anchors`)."""

    def judge(table: pd.DataFrame) -> Finding:
        rows = table[table["key"] == model]
        if len(rows) and not like_anchors(rows):
            return "--", UNTESTED
        real = anchors(rows["dataset"].iloc[0]) if len(rows) else {}
        return _over(model, name, lambda prefix: real[name], from_level)(table)

    return judge


def reach_sheet(model: str, key: str) -> Judge:
    """The rule for "sheets of `model` score as much as the published sheet `key`", which is one draw: another one would
    not repeat it. As much is no less than that by the standard deviation of real images in samples as large."""
    names = {"": "first", SECOND: "second"}

    def bar(prefix: str) -> float:
        judge = published()[key][names[prefix]]
        return judge["score"] - judge["real"]["sd"]

    judge = _over(model, "sheet", bar, from_draw)

    def with_seeds(table: pd.DataFrame) -> Finding:
        text, verdict = judge(table)
        found = values(table, model, "sheet")
        return text + ("; no seed reaches the level" if len(found) and found.max() < bar("") else ""), verdict

    return with_seeds


def each(judges: dict[str, Judge]) -> Judge:
    """The rule for a claim that several readings of the paper stand for, by their names: what each gives, and the
    verdict if it is the same; else that of each, and not decided."""

    def judge(table: pd.DataFrame) -> Finding:
        found = {name: one(table) for name, one in judges.items()}
        text = "; ".join(f"{name}: {text}" for name, (text, _) in found.items() if text != "--") or "--"
        verdicts = {verdict for _, verdict in found.values()}
        if len(verdicts) == 1:
            return text, verdicts.pop()
        said = (f"{name} {verdict.removesuffix(f': {OPEN}')}" for name, (_, verdict) in found.items())
        return text, f"{'; '.join(said)}: {OPEN}"

    return judge


def by_both(judge: Callable[[pd.DataFrame, str], ByOne], metrics: tuple[str, ...]) -> Judge:
    """The finding by the first judge's numbers, and the second judge's of metrics that it sees otherwise; the first
    judge's verdict if the second gives the same. Of a metric that the second has not measured on these runs the first
    judges alone, which is said where the second has measured any of it.

    `judge` takes what is before the titles of a judge's metrics."""

    def both(table: pd.DataFrame) -> Finding:
        first, second = judge(table, ""), judge(table, SECOND)
        if first.verdict == UNTESTED:
            return "--", UNTESTED
        said = "; ".join(first.texts.values())
        if len(first.signs) < len(metrics):
            return said, first.verdict
        if other := [second.texts[name] for name, sign in second.signs.items() if sign != first.signs[name]]:
            said += f"; second judge: {'; '.join(other)}"
        if not second.signs:
            alone = any(f"{SECOND}{name}" in table for name in metrics)
            return said + ("; first judge alone" if alone else ""), first.verdict
        of_second = second.verdict
        if alone := [name for name in metrics if name not in second.signs]:
            said += f"; {' and '.join(alone)} by the first judge alone"
            of_second = verdict_of((first.signs | second.signs).values())
        if of_second == first.verdict:
            return said, first.verdict
        return said, f"first judge {first.verdict}, second {of_second}: {OPEN}"

    return both


def _over(
    model: str, name: str, level: Callable[[str], float], less: Callable[[pd.Series, float], Interval]
) -> Judge:  # fmt: skip
    """`level`: what a judge, by the beginning of its metrics' titles, wants of the mean; `less`: the mean less that."""

    def judge(table: pd.DataFrame, prefix: str) -> ByOne:
        found = values(table, model, prefix + name)
        if seeds := _too_few(found):
            return ByOne({name: spread(found, form(name))} if seeds != UNTESTED else {}, {}, seeds)
        wanted = level(prefix)
        interval = less(found, wanted)
        text = f"{spread(found, form(name))} less {form(name).format(wanted)}: {interval.text(form(name))}"
        sign = interval.sign(by_title(name).higher_is_better)
        return ByOne({name: text}, {name: sign}, verdict_of([sign]))

    return by_both(judge, (name,))


def verdict_of(signs: Iterable[int]) -> str:
    """Of a sign for each metric: 1 better, -1 worse, 0 not decided."""
    signs = list(signs)
    if min(signs) == 1:
        return REPRODUCED
    if max(signs) == 1:
        return MIXED if min(signs) == -1 else PARTLY
    return NOT if min(signs) == -1 else OPEN


def values(table: pd.DataFrame, model: str, name: str) -> pd.Series:
    """A metric of each seed of a model; none at all if one of them is missing or is no number."""
    rows = table[table["key"] == model]
    found = pd.to_numeric(rows[name], errors="coerce") if name in rows else pd.Series(dtype=float)
    return found if found.notna().all() else found.iloc[:0]


def against(name: str, one: pd.Series, other: pd.Series) -> str:
    """Two means with their spreads, in LaTeX."""
    return f"{name} {spread(one, form(name))} against {spread(other, form(name))}"


def _too_few(*columns: pd.Series) -> str:
    """Why nothing can be concluded, as a verdict; "" if something can."""
    seeds = min(map(len, columns))
    if seeds == 0:
        return UNTESTED
    return f"{SEEDS[seeds]}: {UNTESTED}" if seeds < ENOUGH else ""
