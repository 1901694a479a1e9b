"""The claims of the papers as a page for readers without the PDF: what was published, what came out here, verdicts."""

import re
from pathlib import Path

from lprior.report.claims import CLAIMS
from lprior.report.document import reported
from lprior.report.frame import table_of
from lprior.report.rules import Rule
from lprior.report.sheets import published
from lprior.report.verdicts import in_two, judged
from lprior.results import finished
from lprior.runs import STUDIES

HEAD = """# Paper by paper: published, and obtained here

Claims of the papers, and some of ours ("ours" under *published*), with the verdict that a rule in code gives
([claims.py](../lprior/report/claims.py), [rules.py](../lprior/report/rules.py)): by the papers' own terms alone, and by
the algorithms as we run them. Verdicts are by 95 % confidence intervals of the difference (in square brackets) over
three seeds or more:

* **reproduced**: ahead in each metric of the claim; **partly**: ahead in some, and no difference found in the others
* **mixed**: ahead in some, behind in others; **not reproduced**: behind in some, ahead in none
* **not decided**: no difference found, or the two judges disagree
* **not tested**: too few seeds, too short a training, or a rival that has collapsed

An error passes at the published mean plus its ±; a sheet of a hundred samples at the published sheet's score less one
standard deviation of real images in samples as large; s in z at what it is for real digits. Scores and FID are by our
classifiers. `python -m lprior claims results/published docs/papers.md` writes this page.

"""
AUTHORS = {"wang2018lpaae": "Wang et al.", "makhzani2015aae": "Makhzani et al.", "larsen2015vaegan": "Larsen et al."}
COLUMNS = ("claim", "published", "by the paper's own terms", "as we run it")


def papers(results: Path) -> str:
    """Markdown: a row for each claim, judged by the runs in `results` and in its folders of studies. Raises UserError
    as `document.reported` does."""
    table = table_of(reported(results, []).values())
    studies = {name: table_of(finished(results / name)) for name in STUDIES}
    rows = [COLUMNS, ("---",) * len(COLUMNS)]
    for claim in CLAIMS:
        found = (
            _said(rule, *judged(claim, rule, table, studies)) if rule else "–" for rule in (claim.printed, claim.ours)
        )
        rows.append((in_markdown(claim.text), in_markdown(claim.published) or "ours", *found))
    return HEAD + "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _said(rule: Rule, measured: str, verdict: str) -> str:
    study = f" (`--preset {rule.study}`)" if rule.study else ""
    verdict, reason = in_two(verdict)
    said = f": {in_markdown(measured)}{study}" if measured != "--" else ""
    return f"**{verdict}**{f' ({reason})' if reason else ''}{said}"


def in_markdown(text: str) -> str:
    """What a claim or a measurement says in LaTeX. Raises ValueError for LaTeX that this does not know."""
    replaced = re.sub(r" ?\\cite\{(\w+)\}", lambda found: f" ({AUTHORS[found[1]]})", text)
    replaced = re.sub(r"\\res\{sheet (\S+)\}", lambda found: f"{published()[found[1]]['first']['score']:.2f}", replaced)
    replaced = re.sub(r"\$([^$]*)\$", lambda found: found[1].replace(r"\pm", "±").replace("-", "−"), replaced)
    for latex, plain in {r"\,\%": " %", r"10\,000": "10,000", "--": "–"}.items():
        replaced = replaced.replace(latex, plain)
    if "\\" in replaced:
        raise ValueError(f"{replaced!r} has LaTeX that Markdown does not show")
    return replaced
