"""The table of claims, and how often there is each verdict."""

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
        rows.append(row([claim.text, claim.published or "ours", *cells]))
    return "\\addlinespace\n".join(rows)


def _cell(claim: Claim, rule: Rule | None, table: pd.DataFrame, studies: Studies | None) -> str:
    """The verdict, what it stands on, our measurement, and where its runs are shown; a dash without a rule."""
    if rule is None:
        return "--"
    measured, verdict = judged(claim, rule, table, studies)
    verdict, reason = in_two(verdict)
    said = f" {measured} ({rule.shown})." if measured != "--" else ""  # what was not run has no table and no figure
    return rf"\textbf{{{verdict}}}{f' ({reason})' if reason else ''}.{said}"


def in_two(verdict: str) -> tuple[str, str]:
    """The verdict itself, and what it stands on, "" if that goes without saying."""
    reason, _, itself = verdict.rpartition(": ")
    return itself, reason


def verdicts_in_words(table: pd.DataFrame, studies: Studies | None = None) -> str:
    """How often there is each verdict on what the papers claim, and on what is ours, in LaTeX; one that the judges do
    not agree on is not decided."""
    theirs, ours = ([claim for claim in CLAIMS if bool(claim.published) is of_paper] for of_paper in (True, False))
    printed = _counted([(claim, claim.printed) for claim in theirs if claim.printed], table, studies)
    as_run = _counted([(claim, claim.ours) for claim in theirs if claim.ours], table, studies)
    own = _counted([(claim, claim.ours) for claim in ours if claim.ours], table, studies)
    return (
        f"Of {len(theirs)} claims of the papers, {printed} of those that runs with the papers' own terms can judge, "
        f"and {as_run} of those that the algorithms as we run them can; of {len(ours)} claims that are ours, {own}."
    )


def _counted(pairs: list[tuple[Claim, Rule]], table: pd.DataFrame, studies: Studies | None) -> str:
    """ "3 of 20 were tested (2 reproduced, 1 mixed)"."""
    given = [in_two(judged(claim, rule, table, studies)[1])[0] for claim, rule in pairs]
    counts = {verdict: given.count(verdict) for verdict in (REPRODUCED, PARTLY, MIXED, NOT, OPEN)}
    said = ", ".join(rf"{count} \emph{{{verdict}}}" for verdict, count in counts.items() if count)
    tested = sum(counts.values())
    return f"{tested} of {len(given)} {'was' if tested == 1 else 'were'} tested{f' ({said})' if said else ''}"


def judged(claim: Claim, rule: Rule, table: pd.DataFrame, studies: Studies | None = None) -> Finding:
    """What we measured for it, in LaTeX, and the verdict."""
    measured, verdict = rule.judge(runs_for(claim, rule, table, studies))
    if rule.part and verdict in (NOT, OPEN):
        verdict = f"not reached in a part of the training: {UNTESTED}"
    return measured, verdict


def runs_for(claim: Claim, rule: Rule, table: pd.DataFrame, studies: Studies | None = None) -> pd.DataFrame:
    """The runs that a rule sees: on all images of the claim's data set, those of its study if it has one."""
    runs = table if not rule.study else (studies or {}).get(rule.study, table.iloc[:0])
    if runs.empty:
        runs = table.iloc[:0]  # with its columns
    return runs[(runs["dataset"] == claim.dataset) & runs["images"].isna()]
