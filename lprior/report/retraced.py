"""What `python -m lprior retrace --record` found: does the code of now still train what is published?"""

from pathlib import Path

from lprior.clone import CLONE
from lprior.report.latex import escape
from lprior.training.retrace import EQUAL, read

FILE = CLONE / "docs" / "retraced.csv"


def in_words(file: Path = FILE) -> str:
    """How many runs were trained again for their first epoch, by which code, and how many of them have the same losses,
    in LaTeX."""
    rows = read(file)
    if not rows:
        return "No run was trained again."
    equal = [row for row in rows if row["outcome"] == EQUAL]
    commits = ", ".join(dict.fromkeys(escape(row["retraced by"]) for row in rows))
    made = len({row["trained by"] for row in rows})
    said = (
        f"Of {len(rows)} published runs, made at {made} commits, the first epoch was trained again by the code of "
        f"\\texttt{{{commits}}} (\\texttt{{docs/retraced.csv}}): the losses of {len(equal)} are {EQUAL}"
    )
    others = [row for row in rows if row["outcome"] != EQUAL]
    named = ", ".join(
        rf"\texttt{{{escape(row['run'].removeprefix('results/published/'))}}} ({escape(row['outcome'])})"
        for row in others
    )
    return said + (f"; not so those of {named}." if others else ".")
