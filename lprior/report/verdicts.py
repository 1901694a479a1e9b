"""The table of claims, and how often there is each verdict."""

from collections.abc import Iterable

import pandas as pd

from lprior.report.claims import CLAIMS
from lprior.report.latex import row
from lprior.report.rules import MIXED, NOT, OPEN, PARTLY, REPRODUCED, UNTESTED, Claim, Finding, Rule

Studies = dict[str, pd.DataFrame]  # name -> its runs


def claims_table(table: pd.DataFrame, studies: Studies | None = None) -> str:
    """LaTeX rows: claim, published value, and what our runs say by the paper's own terms, and by the algorithm as we
    run it. `studies`: the runs of each, as `table` has the others."""
    rows = []
    for claim in CLAIMS:
        cells = [_cell(claim, rule, table, studies) for rule in (claim.printed, claim.ours)]
        rows.append(row([claim.text, claim.published, *cells]))
    return "\\addlinespace\n".join(rows)


def _cell(claim: Claim, rule: Rule | None, table: pd.DataFrame, studies: Studies | None) -> str:
    """Our measurement, where its runs are shown, and the verdict; a dash without a rule."""
    if rule is None:
        return "--"
    measured, verdict = judged(claim, rule, table, studies)
    said = f"{measured} ({rule.shown}): " if measured != "--" else ""  # what was not run has no table and no figure
    return rf"{said}\emph{{{verdict}}}"


def verdicts_in_words(table: pd.DataFrame, studies: Studies | None = None) -> str:
    """How often there is each verdict, in LaTeX; one that the judges do not agree on is not decided."""
    of_printed = [(claim, claim.printed) for claim in CLAIMS if claim.printed]
    of_ours = [(claim, claim.ours) for claim in CLAIMS if claim.ours]
    printed, ours = (_counted(pairs, table, studies) for pairs in (of_printed, of_ours))
    return (
        f"Of {len(CLAIMS)} claims, {len(of_printed)} are judged by the papers' own terms alone ({printed}), and "
        f"{len(of_ours)} by the algorithms as we run them ({ours})."
    )


def _counted(pairs: Iterable[tuple[Claim, Rule]], table: pd.DataFrame, studies: Studies | None) -> str:
    given = [judged(claim, rule, table, studies)[1].split(": ")[-1] for claim, rule in pairs]
    counts = {verdict: given.count(verdict) for verdict in (REPRODUCED, PARTLY, MIXED, NOT, OPEN, UNTESTED)}
    return ", ".join(rf"{count} \emph{{{verdict}}}" for verdict, count in counts.items() if count)


def judged(claim: Claim, rule: Rule, table: pd.DataFrame, studies: Studies | None = None) -> Finding:
    """What we measured for it, in LaTeX, and the verdict."""
    return rule.judge(runs_for(claim, rule, table, studies))


def runs_for(claim: Claim, rule: Rule, table: pd.DataFrame, studies: Studies | None = None) -> pd.DataFrame:
    """The runs that a rule sees: on all images of the claim's data set, those of its study if it has one."""
    runs = table if not rule.study else (studies or {}).get(rule.study, table.iloc[:0])
    if runs.empty:
        runs = table.iloc[:0]  # with its columns
    return runs[(runs["dataset"] == claim.dataset) & runs["images"].isna()]
