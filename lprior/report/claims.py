"""What the papers claim, and a rule in code for each that gives the verdict from our runs.

A rule sees the table of runs (`frame.table_of`) and answers with what we measured, in LaTeX, and a verdict. Means are
over seeds. One model is better than another in a metric if the means differ, in the right direction, by more than the
larger of the two standard deviations. With fewer than `ENOUGH` seeds of either, the values are shown and nothing is
concluded; without a seed, or with one that lacks the metric, nothing is shown.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from lprior.evaluation.metrics import by_title
from lprior.report.frame import MIXTURE, form
from lprior.report.latex import row, spread
from lprior.report.parts import CIFAR10, DIGITS, Part

ENOUGH = 3  # seeds

REPRODUCED, PARTLY, NOT, UNTESTED = "reproduced", "partly", "not reproduced", "not tested"
FEW = {1: "one seed", 2: "two seeds"}  # the verdict where nothing can be concluded yet
Finding = tuple[str, str]  # our measurement in LaTeX, verdict


@dataclass(frozen=True)
class Claim:
    """`published` and `shown`: LaTeX, the published value with its source, and where this report shows ours.

    `judge` sees the runs of `part` only, or those of `study`.
    """

    text: str
    published: str
    shown: str
    judge: Callable[[pd.DataFrame], Finding]
    part: Part = DIGITS
    study: str = ""  # of `runs.STUDIES`


def compare(ours: str, theirs: str, metrics: tuple[str, ...], control: str = "") -> Callable[[pd.DataFrame], Finding]:
    """The rule for "`ours` is better than `theirs`": in all metrics, in some, or in none.

    `control` is put before the names of the second model's metrics, to compare with the mixture on its codes.
    """

    def judge(table: pd.DataFrame) -> Finding:
        pairs = {name: (_values(table, ours, name), _values(table, theirs, control + name)) for name in metrics}
        seeds = min(len(values) for pair in pairs.values() for values in pair)
        if seeds == 0:
            return "--", UNTESTED
        texts = [
            f"{name} {' against '.join(spread(values, form(name)) for values in pair)}"
            for name, pair in pairs.items()
        ]
        better = [is_better(*pair, higher=by_title(name).higher_is_better) for name, pair in pairs.items()]
        verdict = REPRODUCED if all(better) else PARTLY if any(better) else NOT
        return "; ".join(texts), verdict if seeds >= ENOUGH else FEW[seeds]

    return judge


def is_better(one: pd.Series, other: pd.Series, higher: bool) -> bool:
    """Whether the mean of `one` is better than that of `other` by more than the larger standard deviation."""
    gap = (one.mean() - other.mean()) * (1 if higher else -1)
    return bool(gap > max(one.std(ddof=1), other.std(ddof=1)))


def reach(model: str, name: str, level: float) -> Callable[[pd.DataFrame], Finding]:
    """The rule for "`model` has a `name` of `level`": by the mean over seeds, or at least by the best seed."""

    def judge(table: pd.DataFrame) -> Finding:
        values = _values(table, model, name)
        if len(values) == 0:
            return "--", UNTESTED
        verdict = REPRODUCED if values.mean() >= level else PARTLY if values.max() >= level else NOT
        return spread(values, form(name)), verdict if len(values) >= ENOUGH else FEW[len(values)]

    return judge


def _values(table: pd.DataFrame, model: str, name: str) -> pd.Series:
    """A metric of each seed of a model; none at all if one of them is missing or is no number."""
    rows = table[table["key"] == model]
    values = pd.to_numeric(rows[name], errors="coerce") if name in rows else pd.Series(dtype=float)
    return values if values.notna().all() else values.iloc[:0]


CLAIMS = [
    Claim(
        r"A learned prior generates better than a fixed one in the same networks \cite{wang2018lpaae}.",
        r"Inception Score 7.31 against 6.37, on CIFAR-10",
        r"table~\ref{tab:results}",
        compare("lpaae", "lpaae-fixed", ("FID", "score")),
    ),
    Claim(
        r"LP-AAE's MNIST samples have the quality of the authors' published sheet.",
        "score 8.8 of that sheet of 100 (not by our classifier)",
        r"table~\ref{tab:more}, figure~\ref{fig:lpaae-latest}",
        reach("lpaae", "sheet", 8.8),
    ),
    Claim(
        r"LP-AAE generates better than AAE \cite{wang2018lpaae}.",
        "pictures only",
        r"table~\ref{tab:results}",
        compare("lpaae", "aae", ("FID", "score")),
    ),
    Claim(
        "Ours, not the authors': a prior learned with the model beats a mixture fitted to the codes of the fixed-prior "
        "model afterwards.",
        "--",
        r"table~\ref{tab:results}",
        compare("lpaae", "lpaae-fixed", ("FID", "score"), control=MIXTURE),
    ),
    Claim(
        "The same against the mixture on AAE's codes.",
        "--",
        r"table~\ref{tab:results}",
        compare("lpaae", "aae", ("FID", "score"), control=MIXTURE),
    ),
    Claim(
        r"AAE has a Parzen-window log-likelihood of $340 \pm 2$ nats on MNIST, in fully connected networks of 1000 "
        r"units and with a prior of standard deviation 5 \cite{makhzani2015aae}.",
        r"$340 \pm 2$, 10\,000 samples",
        r"table~\ref{tab:parzen}",
        reach("aaemlp", "Parzen", 338.0),
        study="parzen",
    ),
    Claim(
        r"VAE/GAN generates better than a VAE \cite{larsen2015vaegan}.",
        "pictures and attribute scores on faces",
        r"table~\ref{tab:similarity}",
        compare("vaegan", "vae", ("FID", "score")),
        study="similarity",
    ),
    Claim(
        r"A learned similarity reconstructs what an image shows better than one of pixels, also where the decoder "
        r"does not play against the discriminator \cite{larsen2015vaegan}.",
        "pictures",
        r"table~\ref{tab:similarity}",
        compare("vaedis", "vae", ("rec. features",)),
        study="similarity",
    ),
    Claim(
        r"VAE/GAN generates better than a GAN \cite{larsen2015vaegan}.",
        "pictures and attribute scores on faces",
        r"table~\ref{tab:similarity}",
        compare("vaegan", "gan", ("FID", "score")),
        study="similarity",
    ),
    Claim(
        r"With labels, $s$ says which digit is drawn \cite{wang2018lpaae} (our aim: 98\,\%).",
        "grids of pictures",
        r"table~\ref{tab:conditional}",
        reach("lpaae-supervised", "obeyed", 98.0),
    ),
    Claim(
        r"Without labels, the values of $s$ become the ten digits \cite{wang2018lpaae} "
        r"(our aim: $Q$ right for 90\,\%).",
        "grids of pictures",
        r"table~\ref{tab:conditional}",
        reach("lpaae-unsupervised", "Q", 90.0),
    ),
    Claim(
        r"With labels, a learned prior generates better than a fixed one \cite{wang2018lpaae}.",
        "Inception Score 6.52 against 6.20, on CIFAR-10",
        r"table~\ref{tab:conditions}",
        compare("lpaae-supervised", "lpaae-supervised_fixed", ("FID", "score")),
        study="conditions",
    ),
    Claim(
        r"The same with an $s$ that no label names \cite{wang2018lpaae}.",
        "Inception Score 6.02 against 5.73, on CIFAR-10",
        r"table~\ref{tab:conditions_unsupervised}",
        compare("lpaae-unsupervised", "lpaae-unsupervised_fixed", ("FID", "score")),
        study="conditions_unsupervised",
    ),
    Claim(
        r"On CIFAR-10, a learned prior generates better than a fixed one \cite{wang2018lpaae}.",
        "Inception Score 7.31 against 6.37",
        r"table~\ref{tab:cifar10-results}",
        compare("lpaae", "lpaae-fixed", ("FID", "score")),
        CIFAR10,
    ),
    Claim(
        r"LP-AAE's CIFAR-10 samples have the quality of the authors' published sheet.",
        "score 6.0 of that sheet of 100 (not by our classifier)",
        r"table~\ref{tab:cifar10-more}, figure~\ref{fig:cifar10-lpaae-latest}",
        reach("lpaae", "sheet", 6.0),
        CIFAR10,
    ),
]  # fmt: skip


def claims_table(table: pd.DataFrame, studies: dict[str, pd.DataFrame] | None = None) -> str:
    """LaTeX rows: claim, published value, our measurement, where it is shown, verdict. `studies`: name -> its runs, as
    `table` has the others."""
    rows = []
    for claim in CLAIMS:
        runs = (studies or {}).get(claim.study, pd.DataFrame()) if claim.study else claim.part.of(table)
        measured, verdict = claim.judge(runs) if len(runs) else ("--", UNTESTED)
        shown = claim.shown if len(runs) else "--"  # what was not run has no table and no figure
        rows.append(row([claim.text, claim.published, measured, shown, rf"\emph{{{verdict}}}"]))
    return "\\addlinespace\n".join(rows)
