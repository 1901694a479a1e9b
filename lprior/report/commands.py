"""What makes what: the tables of runs and of commands in the report's appendix. A test runs each command dry."""

import shlex
from collections.abc import Iterable

from lprior.config import RunConfig
from lprior.provenance import code_note
from lprior.report.departures import departures
from lprior.report.frame import PRESENT
from lprior.report.latex import escape, row
from lprior.report.tables import BENCHMARKS
from lprior.results import RunFolder
from lprior.runs import STUDIES, presets
from lprior.settings import as_settings

SHEETS, TRIALS = "python -m lprior sheets FOLDER", "python -m lprior trial RUN --set NAME=VALUE --why TEXT"


def runs_table(
    runs: Iterable[RunFolder], studies: dict[str, list[RunFolder]], labels: dict[str, list[str]]
) -> str:  # fmt: skip
    """LaTeX rows: a run of the main tables, or all those of a study with the `labels` of what it shows; the commits at
    which they were made; the command."""
    rows = [[command_text(run.path.name), _commits([run]), _lines(command_of(run))] for run in runs]
    for name, found in studies.items():
        if found:
            shown = ", ".join(referred(label) for label in labels.get(name, []))
            what = f"{escape(STUDIES[name].title)}, {len(found)} run{'s' if len(found) > 1 else ''}: {shown}"
            rows.append([what, _commits(found), _lines(f"./run_all.sh --preset {name}")])
    return "".join(map(row, rows))


def command_of(run: RunFolder) -> str:
    """What trains it, in a shell: the workflow, which knows no values but those that the preset has now, or else
    `command`."""
    config = run.config()
    if departures(config, config.variant):
        return command(config)
    return f"./run_all.sh --preset {config.preset} {run.path.name}"


def command(config: RunConfig) -> str:
    """What trains this run alone, in a shell, with every value in which it departs from its preset."""
    given = {name: value for name, _, value in departures(config, config.variant) or []}
    sets = "".join(f" --set {shlex.quote(as_settings({name: value}))}" for name, value in given.items())
    return f"python -m lprior run {config.name} --preset {config.preset}{sets}"


def commands_table(results: str) -> str:
    """LaTeX rows: what else is shown, and the command that makes it. `results`: the name of the folder of the runs."""
    whole = f"./run_all.sh --preset {results}"
    if results not in (*presets(), "published"):
        whole = "python -m lprior report RESULTS FOLDER"
    rows = [["every figure, table and number, from finished runs", whole]]
    rows += [
        [f"{referred('tab:speed')}, {escape(title)}", f"python benchmarks/{name}.py"]
        for title, name in BENCHMARKS.items()
    ]
    rows.append([referred("tab:sheets"), SHEETS])
    rows.append([f"a row of {referred('tab:trials')}", TRIALS])
    return "".join(row([what, command_text(command)]) for what, command in rows)


def command_text(command: str) -> str:
    """A command or a name in LaTeX."""
    text = escape(command).replace("--", "-{}-").replace("'", r"\char13{}")  # which is a shell's quote, and straight
    return rf"\texttt{{{text}}}"


def _lines(command: str) -> str:
    """The same in lines that are as wide as the table of runs has room for."""
    return rf"\parbox[t]{{84mm}}{{\raggedright {command_text(command)}}}"


def referred(label: str) -> str:
    """A reference to a table or a figure, in LaTeX."""
    return rf"{'table' if label.startswith('tab') else 'figure'}~\ref{{{label}}}"


def _commits(runs: list[RunFolder]) -> str:
    """The commits of the code that made them; a star where that code is not the one of now, or not recorded."""
    made = [run.read_json("provenance.json") for run in runs]
    stars = {one["commit"]: "" if (code_note(one) or PRESENT) == PRESENT else r"$^{*}$" for one in made}
    return ", ".join(rf"\texttt{{{escape(commit)}}}{star}" for commit, star in sorted(stars.items()))
