"""From a folder of runs to the LaTeX report: values.tex, tables and figures beside a copy of the report's sources.

No number is typed into the report by hand: the text says \\res{key}, and a key that is not in values.tex stops LaTeX.
"""

import shutil
from pathlib import Path

import pandas as pd

from lprior import figures
from lprior.errors import UserError
from lprior.report.claims import claims_table
from lprior.report.conditional import conditional_table, write_sheets
from lprior.report.frame import table_of
from lprior.report.latex import escape, row
from lprior.report.parts import DIGITS, PARTS, Part, first_seeds
from lprior.report.tables import cost_table, more_table, results_table, speed_table
from lprior.report.values import values
from lprior.results import RunFolder, finished
from lprior.runs import STUDIES, title_of

SOURCES = Path(__file__).parents[2] / "report"
BENCHMARKS = Path(__file__).parents[2] / "benchmarks" / "results"
LATENT = ("map-learned", "map-fixed", "walks", "manifold")  # figures of notebooks/latent_space.ipynb
PICTURES = ("samples", "reconstructions", "neighbours")


def write_report(
    results: Path, output: Path, names: list[str], unavailable: tuple[str, ...] = (), studies: Path | None = None
) -> None:
    """Write everything that `build.sh` compiles into `output`. `names`: the runs, all finished ones if empty.

    `unavailable`: the data sets that were to be trained on and were not at hand, which the report then says. `studies`:
    the folder of `runs.STUDIES`, None for `results`. Raises UserError if a run is not finished.
    """
    names = names or sorted(path.parent.name for path in results.glob("*/metrics.json"))
    if not names:
        raise UserError(f"{results} holds no finished run to report")
    runs = {name: RunFolder(results / name) for name in names}
    table = table_of(runs.values())
    parts = {part: part.compared(table) for part in PARTS}
    parts = {part: chosen for part, chosen in parts.items() if len(chosen)}

    for folder in ("figures", "tables"):
        shutil.rmtree(output / folder, ignore_errors=True)
        (output / folder).mkdir(parents=True)
    shutil.copytree(SOURCES, output, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.pdf", "*.sh"))
    for part, chosen in parts.items():
        _write_part(part, chosen, runs, output)
        rows = conditional_table(list(runs.values()), part)
        (output / "tables" / f"{part.file}conditional.tex").write_text(rows)
    pictured = _write_studies(studies or results, output)
    pictured += ["conditional"] if write_sheets(list(runs.values()), output / "figures") else []
    pictured += ["latent"] if _copy_latent(results / "latent_space", output / "figures") else []
    (output / "tables" / "claims.tex").write_text(claims_table(table))
    (output / "tables" / "commands.tex").write_text(commands_table(parts, pictured))
    (output / "tables" / "speed.tex").write_text(speed_table(BENCHMARKS))
    (output / "values.tex").write_text(values(parts, unavailable, BENCHMARKS, pictured))


def commands_table(parts: dict[Part, pd.DataFrame], pictured: list[str]) -> str:
    """LaTeX rows: what, and the command that makes it, for each figure and table. `pictured`: what is shown
    beside the parts."""
    report = r"\texttt{./run\_all.sh --preset published}, from \texttt{results/published}"
    rows = []
    for part, table in parts.items():
        for key, facts in first_seeds(table).iterrows():
            run = f"./run_all.sh --preset {facts['preset']} {facts['run']}"
            for kind, file in (("latest", "samples.png"), ("evolution", "evolution.png"), ("course", "log.csv")):
                rows.append([rf"figure~\ref{{fig:{part.file}{key}-{kind}}}", rf"\texttt{{{escape(f'{run}/{file}')}}}"])
        tables = ("results", "more", "cost", "conditional")
        rows += [[rf"table~\ref{{tab:{part.file}{name}}}", report] for name in tables]
        rows.append([rf"figure~\ref{{fig:{part.file}progress}}", report])
    rows.append([r"table~\ref{tab:speed}", r"the scripts in \texttt{benchmarks/}, one for each block"])
    studies = {"ablation": ["tab:ablation"], "codes": ["fig:codes", "tab:codes"], "latent": ["fig:maps", "fig:walks"]}
    for study in pictured if DIGITS in parts else []:
        labels = studies.get(study, [f"fig:{study}"])
        rows += [[rf"{'table' if label.startswith('tab') else 'figure'}~\ref{{{label}}}", report] for label in labels]
    rows += [[rf"table~\ref{{tab:{name}}}", report] for name in ("claims", "commands")]
    return "".join(row([what, command.replace("--", "-{}-")]) for what, command in rows)


def _write_studies(folder: Path, output: Path) -> list[str]:
    """Tables and figures of each study whose runs are in `folder`/<its name>; the names of those that had any."""
    whole = []
    for name, study in STUDIES.items():
        shown = study.render(finished(folder / name))
        for file, rows in shown.tables.items():
            (output / "tables" / f"{file}.tex").write_text(rows)
        for file, figure in shown.figures.items():
            figures.save_pdf(figure, output / "figures" / f"{file}.pdf")
        whole += [name] if shown.whole else []
    return whole


def _copy_latent(source: Path, figures: Path) -> bool:
    """The figures of the notebook on the latent space, if it was run; whether it was."""
    if not all((source / f"{name}.png").exists() for name in LATENT):
        return False
    for name in LATENT:
        shutil.copy(source / f"{name}.png", figures / f"{name}.png")
    return True


def _write_part(part: Part, table: pd.DataFrame, runs: dict[str, RunFolder], output: Path) -> None:
    """Figures and tables of the runs of one part."""
    logs = {name: pd.read_csv(runs[name] / "log.csv") for name in table["run"]}
    for key, facts in first_seeds(table).iterrows():
        _write_figures(runs[facts["run"]], logs[facts["run"]], f"{part.file}{key}", output / "figures")
    groups = table.groupby("key", sort=False)
    by_model = {title_of(key): [logs[name] for name in group["run"]] for key, group in groups}
    figures.save_pdf(figures.progress_figure(by_model), output / "figures" / f"{part.file}progress.pdf")
    made = {"results": results_table(table), "more": more_table(table, part.more), "cost": cost_table(table)}
    for name, rows in made.items():
        (output / "tables" / f"{part.file}{name}.tex").write_text(rows)


def _write_figures(run: RunFolder, log: pd.DataFrame, stem: str, folder: Path) -> None:
    """The pictures of a run."""
    for name in PICTURES:
        figures.save_for_print(run / f"{name}.png", folder / f"{stem}-{name}")
    figures.save_for_print(run / "evolution.png", folder / f"{stem}-evolution", times=1)
    figures.save_pdf(figures.loss_figure(log), folder / f"{stem}-losses.pdf")
    figures.save_pdf(figures.metrics_figure(log), folder / f"{stem}-metrics.pdf")
