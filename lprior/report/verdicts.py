"""The table of claims, and how often there is each verdict."""

from collections.abc import Iterator

import pandas as pd

from lprior.report.claims import CLAIMS
from lprior.report.latex import row
from lprior.report.rules import MIXED, NOT, OPEN, PARTLY, REPRODUCED, UNTESTED, Claim, Finding


def claims_table(table: pd.DataFrame, studies: dict[str, pd.DataFrame] | None = None) -> str:
    """LaTeX rows: claim, published value, our measurement, where it is shown, verdict. `studies`: name -> its runs, as
    `table` has the others."""
    rows = []
    for claim, (measured, verdict), found in judged(table, studies):
        shown = claim.shown if found else "--"  # what was not run has no table and no figure
        rows.append(row([claim.text, claim.published, measured, shown, rf"\emph{{{verdict}}}"]))
    return "\\addlinespace\n".join(rows)


def verdicts_in_words(table: pd.DataFrame, studies: dict[str, pd.DataFrame] | None = None) -> str:
    """How often there is each verdict, in LaTeX; one that the judges do not agree on is not decided."""
    given = [verdict.split(": ")[-1] for _, (_, verdict), _ in judged(table, studies)]
    counts = {verdict: given.count(verdict) for verdict in (REPRODUCED, PARTLY, MIXED, NOT, OPEN, UNTESTED)}
    said = ", ".join(rf"{count} \emph{{{verdict}}}" for verdict, count in counts.items() if count)
    return f"Of {len(given)} claims, the rules of section~\\ref{{sec:claims}} find {said}."


def judged(
    table: pd.DataFrame, studies: dict[str, pd.DataFrame] | None = None
) -> Iterator[tuple[Claim, Finding, bool]]:
    """Each claim, what its rule finds, and whether there are runs that it is about."""
    for claim in CLAIMS:
        runs = table if not claim.study else (studies or {}).get(claim.study, table.iloc[:0])
        if runs.empty:
            runs = table.iloc[:0]  # with its columns
        runs = runs[(runs["dataset"] == claim.dataset) & runs["images"].isna()]
        yield claim, claim.judge(runs), bool(len(runs))
