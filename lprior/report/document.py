"""From a folder of runs to the LaTeX report: values.tex, tables and figures beside a copy of the report's sources.

No number is typed into the report by hand: the text says \\res{key}, and a key that is not in values.tex stops LaTeX.
"""

import shutil
from pathlib import Path

import pandas as pd

from lprior import figures
from lprior.algorithms import ALGORITHMS
from lprior.errors import UserError
from lprior.report import attributes, gpu
from lprior.report.claims import claims_table
from lprior.report.conditional import conditional_table, write_sheets
from lprior.report.diverged import lost_models, model_of, write_pictures
from lprior.report.frame import SECOND, table_of
from lprior.report.latex import escape, row
from lprior.report.parts import DIGITS, PARTS, Part, first_seeds
from lprior.report.studies.shown import Shown
from lprior.report.tables import (
    cost_table,
    is_judged_twice,
    more_table,
    results_table,
    sheets_table,
    speed_table,
    trials_table,
)
from lprior.report.values import values
from lprior.results import RunFolder, finished, still
from lprior.runs import STUDIES, Study, parse_run, title_of
from lprior.stored import read_picture

SOURCES = Path(__file__).parents[2] / "report"
BENCHMARKS = Path(__file__).parents[2] / "benchmarks" / "results"
LATENT = ("map-learned", "map-fixed", "walks", "manifold")  # figures of notebooks/latent_space.ipynb
OF_LATENT = ("lpaae", "lpaae-fixed", "lpaae-code_2")  # the models that it reads
DIRECTIONS = ("directions",)  # figure of notebooks/attributes.ipynb
OF_DIRECTIONS = ("vaegan", "lpaae")
MARK = "macros.tex"  # which every built report has
PICTURES = ("samples", "reconstructions", "neighbours")


def write_report(
    results: Path, output: Path, names: list[str], unavailable: tuple[str, ...] = (), studies: Path | None = None,
    diverged: tuple[str, ...] = (),
) -> None:  # fmt: skip
    """Write everything that `build.sh` compiles into `output`. `names`: the runs, all finished ones if empty.

    `unavailable`: the data sets that were to be trained on and were not at hand, which the report then says. `studies`:
    the folder of `runs.STUDIES`, None for `results`. `diverged`: runs that came to nothing, none of `names`. Raises
    UserError if a run is not finished, or was not measured on test images.
    """
    names = names or sorted(path.parent.name for path in results.glob("*/metrics.json"))
    if not names:
        raise UserError(f"{results} holds no finished run to report")
    runs = {name: RunFolder(results / name) for name in names}
    trials = [name for name, run in runs.items() if run.config().validation]
    if trials:
        raise UserError(f"{', '.join(trials)}: measured on images held out of the training, of which no table is made")
    table = table_of(runs.values())
    parts = {part: part.compared(table) for part in PARTS}
    parts = {part: chosen for part, chosen in parts.items() if len(chosen)}

    output.mkdir(parents=True, exist_ok=True)
    shutil.copy(SOURCES / MARK, output)  # first, so that a folder whose report was cut short is known for one
    for folder in ("figures", "tables"):
        shutil.rmtree(output / folder, ignore_errors=True)
        (output / folder).mkdir(parents=True)
    shutil.copytree(SOURCES, output, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.pdf", "*.sh"))
    for part, chosen in parts.items():
        _write_part(part, chosen, runs, output)
        for model in lost_models(part, chosen, diverged):
            write_pictures(f"{part.file}{model}", output / "figures")
        conditional_table(list(runs.values()), part).write(output / "tables", f"{part.file}conditional")
        (output / f"{part.file}pages.tex").write_text(_pages(part, first_seeds(chosen)))
    by_study = {name: finished((studies or results) / name) for name in STUDIES}
    beside, of_studies = _write_studies(by_study, output)
    if write_sheets(list(runs.values()), output / "figures"):
        beside["conditional"] = ["fig:conditional"]
    facts = gpu.write(studies or results, output)
    if facts:
        beside[gpu.NAME] = [f"tab:{gpu.NAME}", f"fig:{gpu.NAME}"]
    lost = {model_of(parse_run(name)) for name in diverged} - set(table["key"])
    if lost.isdisjoint(OF_LATENT) and _copy_figures(results / "latent_space", LATENT, output / "figures"):
        beside["latent"] = ["fig:maps", "fig:walks"]
    if lost.isdisjoint(OF_DIRECTIONS) and _copy_figures(results / "attributes", DIRECTIONS, output / "figures"):
        beside["directions"] = ["fig:directions"]
    with_s = [run for name in attributes.STUDIES_WITH_S for run in by_study[name]]
    shown, of_attributes = attributes.write(runs.values(), with_s, output)
    beside |= shown
    tables = {name: table_of(found) for name, found in by_study.items()}
    (output / "tables" / "claims.tex").write_text(claims_table(table, tables))
    (output / "tables" / "commands.tex").write_text(commands_table(parts, beside))
    sheets_table().write(output / "tables", "sheets")
    trials_table().write(output / "tables", "trials")
    (output / "tables" / "speed.tex").write_text(speed_table(BENCHMARKS))
    facts |= of_studies | of_attributes
    (output / "values.tex").write_text(values(parts, unavailable, BENCHMARKS, list(beside), diverged, facts))


def commands_table(parts: dict[Part, pd.DataFrame], beside: dict[str, list[str]]) -> str:
    """LaTeX rows: what, and the command that makes it, for each figure and table. `beside`: the labels of what is shown
    beside the parts, on digits."""
    report = r"\texttt{./run\_all.sh --preset published}, from \texttt{results/published}"
    rows = []
    for part, table in parts.items():
        for key, facts in first_seeds(table).iterrows():
            run = f"./run_all.sh --preset {facts['preset']} {facts['run']}"
            for kind, file in (("latest", "samples.png"), ("evolution", "evolution.png"), ("course", "log.csv")):
                rows.append([rf"figure~\ref{{fig:{part.file}{key}-{kind}}}", rf"\texttt{{{escape(f'{run}/{file}')}}}"])
        tables = ("results", *(["second"] if is_judged_twice(table) else []), "more", "cost", "conditional")
        rows += [[rf"table~\ref{{tab:{part.file}{name}}}", report] for name in tables]
        rows.append([rf"figure~\ref{{fig:{part.file}progress}}", report])
    rows.append([r"table~\ref{tab:speed}", r"the scripts in \texttt{benchmarks/}, one for each block"])
    for label in (label for labels in beside.values() for label in labels if DIGITS in parts):
        rows.append([rf"{'table' if label.startswith('tab') else 'figure'}~\ref{{{label}}}", report])
    rows.append([r"table~\ref{tab:sheets}", r"\texttt{python -m lprior sheets FOLDER}, of published pictures"])
    rows.append([r"table~\ref{tab:trials}", r"\texttt{python -m lprior trial RUN}, a row for each"])
    rows += [[rf"table~\ref{{tab:{name}}}", report] for name in ("claims", "commands")]
    return "".join(row([what, command.replace("--", "-{}-")]) for what, command in rows)


def _pages(part: Part, first: pd.DataFrame) -> str:
    """A page for each model of which the report's text has none: of an algorithm that was added; in LaTeX."""
    text = "".join(path.read_text() for path in (SOURCES / "sections").glob("*.tex"))
    pages = []
    for key in first.index:
        file, title = f"{part.file}{key}", escape(title_of(key))
        if rf"\results{{{file}}}" not in text:
            notebook = escape(ALGORITHMS[first.at[key, "algorithm"]].notebook) or "none"
            pages.append(rf"\subsection{{{title}}} \results{{{file}}}{{{part.key}{key}}}{{{title}}}{{{notebook}}}")
            pages.append(rf"\inwords{{{part.key}{key}}}")
    return "\n".join(pages) + "\n"


def _write_studies(
    by_study: dict[str, list[RunFolder]], output: Path
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Tables and figures of each study, from its finished runs, and studies.tex, which the text includes.

    Gives the labels of those that had runs, by the name of the study, and what the text may ask for of all, by key.
    """
    labels, texts, said = {}, [], {}
    for name, study in STUDIES.items():
        shown = study.render(by_study[name])
        for file, table in shown.tables.items():
            table.write(output / "tables", file)
        for file, figure in shown.figures.items():
            figures.save_pdf(figure, output / "figures" / f"{file}.pdf")
        if shown.whole:
            labels[name] = shown.labels
        said |= shown.values
        texts.append(_text_of(study, shown))
    (output / "studies.tex").write_text("\n".join(filter(None, texts)) + "\n")
    return labels, said


def _text_of(study: Study, shown: Shown) -> str:
    """report/studies/<name>.tex, or without such a file a heading, and all that is shown; in LaTeX."""
    if (SOURCES / "studies" / f"{study.name}.tex").exists():
        return rf"\input{{studies/{study.name}}}"
    title, preset = escape(study.title), escape(study.name)
    shows = [rf"\studyfigure{{{file}}}{{{title}}}{{{preset}}}" for file in shown.figures]
    shows += [rf"\studytable{{{file}}}{{{title}}}{{{preset}}}" for file in shown.tables]
    return "\n".join([rf"\subsection{{{title}}}", *shows]) if shows else ""


def _copy_figures(source: Path, names: tuple[str, ...], figures: Path) -> bool:
    """The figures of a notebook that reads runs, if it was run; whether it was."""
    try:
        pictures = {name: still(source, name) for name in names}
    except UserError:
        return False
    for name, path in pictures.items():
        if path.suffix == ".png":
            shutil.copy(path, figures / f"{name}.png")
        else:
            read_picture(path).save(figures / f"{name}.png")
    return True


def _write_part(part: Part, table: pd.DataFrame, runs: dict[str, RunFolder], output: Path) -> None:
    """Figures and tables of the runs of one part."""
    logs = {name: runs[name].log() for name in table["run"]}
    for key, facts in first_seeds(table).iterrows():
        _write_figures(runs[facts["run"]], logs[facts["run"]], f"{part.file}{key}", output / "figures")
    groups = table.groupby("key", sort=False)
    by_model = {title_of(key): [logs[name] for name in group["run"]] for key, group in groups}
    figures.save_pdf(figures.progress_figure(by_model), output / "figures" / f"{part.file}progress.pdf")
    results_table(table).write(output / "tables", f"{part.file}results")
    if is_judged_twice(table):
        results_table(table, SECOND).write(output / "tables", f"{part.file}second")
    more_table(table, part.more).write(output / "tables", f"{part.file}more")
    (output / "tables" / f"{part.file}cost.tex").write_text(cost_table(table))


def _write_figures(run: RunFolder, log: pd.DataFrame, stem: str, folder: Path) -> None:
    """The pictures of a run."""
    for name in PICTURES:
        figures.save_for_print(run.still(name), folder / f"{stem}-{name}")
    figures.save_for_print(run.still("evolution"), folder / f"{stem}-evolution", times=1)
    figures.save_pdf(figures.loss_figure(log), folder / f"{stem}-losses.pdf")
    figures.save_pdf(figures.metrics_figure(log), folder / f"{stem}-metrics.pdf")
