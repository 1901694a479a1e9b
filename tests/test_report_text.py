"""What the report's own sentences may say: no number that a file should give, and no verdict or cause by hand."""

import re
from pathlib import Path

import pytest
from latex import arguments, shown

from lprior.report.document import write_report
from lprior.runs import STUDIES

REPORT = Path(__file__).parents[1] / "report"
TEXTS = sorted([REPORT / "main.tex", *REPORT.glob("sections/*.tex"), *REPORT.glob("studies/*.tex")])
RULES = "claims.tex"  # which says what the words of verdicts mean


def prose(path: Path) -> str:
    """Without comments, drawings, formulae, pseudo-code, and what sizes things."""
    text = re.sub(r"(?<!\\)%.*", "", path.read_text())
    for environment in ("tikzpicture", "pseudocode"):
        text = re.sub(rf"\\begin\{{{environment}\}}.*?\\end\{{{environment}\}}", "", text, flags=re.DOTALL)
    text = re.sub(r"\$[^$]*\$|[\d.]+\\(line|text)width|\{[\d.]+mm\}|p\{[^}]*\}", "", text)
    return re.sub(r"\\renewcommand.*|\\usepackage.*|\\(res|ref|cite|label|texttt)\{[^}]*\}", "", text)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_no_measurement_is_typed(path):
    allowed = {"2.5"} if path.name == RULES else set()
    assert set(re.findall(r"\d+\.\d+", prose(path))) <= allowed


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_no_sentence_gives_a_cause_or_a_verdict_by_hand(path):
    """Verdicts and comparisons come from runs, by \\res; why something is so has to be isolated by a run first."""
    if path.name != RULES:
        assert re.findall(r"\b(because|better|worse|reproduced|thanks to|owing to)\b", prose(path), re.IGNORECASE) == [
            *(["reproduced"] if path.name == "question.tex" else [])  # what the students of 2018 did
        ]


def test_every_text_of_a_study_is_shown_in_the_body_or_in_the_appendix(finished, tmp_path):
    in_body = arguments("study", prose(REPORT / "main.tex"))
    assert in_body <= STUDIES.keys() and {path.stem for path in REPORT.glob("studies/*.tex")} <= STUDIES.keys()
    write_report(finished, tmp_path, [])
    text = shown(tmp_path)
    for name in in_body:
        assert rf"Not run: \texttt{{./run\_all.sh -{{}}-preset {name}}}" in text


def test_no_caption_has_a_commit_and_no_title_is_a_raw_key(finished, tmp_path):
    write_report(finished, tmp_path, [])
    text = shown(tmp_path)
    assert r"/commit}" not in text and r"\res{commits}" not in text
    titles = re.findall(r"\\results\{[^}]*\}\{[^}]*\}\{([^}]*)\}", (tmp_path / "pages.tex").read_text())
    assert titles and not any("_" in title for title in titles)
