"""From a folder of runs to the LaTeX report: values.tex, tables and figures beside a copy of the report's sources.

No number is typed into the report by hand: the text says \\res{key}, and a key that is not in values.tex stops LaTeX.
"""

import shutil
from pathlib import Path

import pandas as pd

from lprior import curves, figures
from lprior.clone import CLONE
from lprior.errors import UserError
from lprior.report import attributes, conditional, departures, gpu, retraced
from lprior.report.architecture import networks_table
from lprior.report.commands import commands_table, referred, runs_table
from lprior.report.diverged import lost_models, model_of, write_pictures
from lprior.report.frame import SECOND, table_of
from lprior.report.hyperparameters import settings_table
from lprior.report.latex import escape, named
from lprior.report.panels import unlabelled, write_others, write_panels
from lprior.report.parts import PARTS, Part, first_seeds
from lprior.report.sheets import contrasts_in_words
from lprior.report.studies.shown import Shown
from lprior.report.sweep import Sweep
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
from lprior.report.verdicts import claims_table, verdicts_in_words
from lprior.results import RunFolder, finished, still
from lprior.runs import STUDIES, Study, models, parse_run, title_of
from lprior.stored import read_picture

SOURCES = CLONE / "report"
BENCHMARK_FOLDER = CLONE / "benchmarks" / "results"
LATENT = ("map-learned", "map-fixed", "walks", "manifold")  # figures of notebooks/latent_space.ipynb
OF_LATENT = ("lpaae", "lpaae-fixed", "lpaae-code_2")  # the models that it reads
DIRECTIONS = ("directions",)  # figure of notebooks/attributes.ipynb
OF_DIRECTIONS = ("vaegan", "lpaae")
MARK = "macros.tex"  # which every built report has
PICTURES = ("samples", "reconstructions", "neighbours")


def write_report(
    results: Path, output: Path, names: list[str], unavailable: tuple[str, ...] = (), studies: Path | None = None,
    diverged: tuple[str, ...] = (), sheets: Path | None = None,
) -> None:  # fmt: skip
    """Write everything that `build.sh` compiles into `output`. `names`: the runs, all finished ones if empty.

    `unavailable`: the data sets that were to be trained on and were not at hand, which the report then says. `studies`:
    the folder of `runs.STUDIES`, None for `results`. `diverged`: runs that came to nothing, none of `names`. `sheets`:
    the folder of what others published, to be shown; None to show its scores alone. Raises UserError if a run is not
    finished, or was not measured on test images, or if these are not the sheets that were scored.
    """
    runs = reported(results, names)
    table = table_of(runs.values())
    parts = {part: part.compared(table) for part in PARTS}
    parts = {part: chosen for part, chosen in parts.items() if len(chosen)}

    output.mkdir(parents=True, exist_ok=True)
    shutil.copy(SOURCES / MARK, output)  # first, so that a folder whose report was cut short is known for one
    for folder in ("figures", "tables"):
        shutil.rmtree(output / folder, ignore_errors=True)
        (output / folder).mkdir(parents=True)
    shutil.copytree(SOURCES, output, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.pdf", "*.sh"))
    controls = [f"{part.file}control" for part, chosen in parts.items() if _write_part(part, chosen, runs, output)]
    for part, chosen in parts.items():
        for model in lost_models(part, chosen, diverged):
            write_pictures(f"{part.file}{model}", output / "figures")
        conditional.conditional_table(list(runs.values()), part).write(output / "tables", f"{part.file}conditional")
    (output / "pages.tex").write_text("".join(_pages(part, first_seeds(chosen)) for part, chosen in parts.items()))
    by_study = {name: finished((studies or results) / name) for name in STUDIES}
    beside, facts = _write_studies(by_study, output)
    beside |= {name: [] for name in controls}
    if conditional.write_sheets(list(runs.values()), output / "figures"):
        beside["conditional"] = ["fig:conditional"]
    if of_gpu := gpu.write(studies or results, output):
        beside[gpu.NAME] = [f"tab:{gpu.NAME}", f"fig:{gpu.NAME}"]
    lost = {model_of(parse_run(name)) for name in diverged} - set(table["key"])
    if lost.isdisjoint(OF_LATENT) and _copy_figures(results / "latent_space", LATENT, output / "figures"):
        beside["latent"] = ["fig:maps", "fig:walks"]
    if lost.isdisjoint(OF_DIRECTIONS) and _copy_figures(results / "attributes", DIRECTIONS, output / "figures"):
        beside["directions"] = ["fig:directions"]
    with_s = [run for name in attributes.STUDIES_WITH_S for run in by_study[name]]
    in_attributes, of_attributes = attributes.write(runs.values(), with_s, output)
    beside |= in_attributes
    if sheets is not None:
        write_others(sheets, output / "figures")
        beside["sheets"] = []
    facts |= of_gpu | of_attributes | _write_claims(table, by_study, output)
    facts |= {
        f"{part.key}earlier": departures.in_words(runs[name].config() for name in chosen["run"])
        for part, chosen in parts.items()
    }
    facts |= {
        f"{part.key}contrasts": contrasts_in_words(
            (runs[name] for name in first_seeds(chosen)["run"]), chosen["dataset"].iloc[0]
        )
        for part, chosen in parts.items()
    }
    facts |= {f"{part.key}s": conditional.control_in_words(list(runs.values()), part) for part in parts}
    facts |= {f"{part.key}s settings": conditional.settings_in_words(list(runs.values()), part) for part in parts}
    facts |= {f"{part.key}progress device": escape(_usual_device(chosen)) for part, chosen in parts.items()}
    _write_setup(parts, runs, output / "tables")
    shown = [runs[name] for chosen in parts.values() for name in chosen["run"]]
    shown += [run for run in runs.values() if run not in shown]
    shown += finished((studies or results) / gpu.PRESET) if of_gpu else []
    (output / "tables" / "runs.tex").write_text(runs_table(shown, by_study, beside))
    (output / "tables" / "commands.tex").write_text(commands_table(results.name))
    sheets_table().write(output / "tables", "sheets")
    trials_table().write(output / "tables", "trials")
    sweep = Sweep.read()
    sweep.table().write(output / "tables", "sweep")
    facts |= {"sweep": sweep.in_words(), "sweep/changes": str(max(len(sweep.changes) - 1, 0))}
    facts["retraced"] = retraced.in_words()
    (output / "tables" / "speed.tex").write_text(speed_table(BENCHMARK_FOLDER))
    (output / "values.tex").write_text(values(parts, unavailable, BENCHMARK_FOLDER, list(beside), diverged, facts))


def reported(results: Path, names: list[str]) -> dict[str, RunFolder]:
    """The runs by their names, all finished ones for none. Raises UserError where no table can be made of them."""
    names = names or sorted(path.parent.name for path in results.glob("*/metrics.json"))
    if not names:
        raise UserError(f"{results} holds no finished run to report")
    runs = {name: RunFolder(results / name) for name in names}
    trials = [name for name, run in runs.items() if run.config().validation]
    if trials:
        raise UserError(f"{', '.join(trials)}: measured on images held out of the training, of which no table is made")
    return runs


def _write_claims(table: pd.DataFrame, by_study: dict[str, list[RunFolder]], output: Path) -> dict[str, str]:
    """The table of claims; what the text says of it, by key."""
    tables = {name: table_of(found) for name, found in by_study.items()}
    (output / "tables" / "claims.tex").write_text(claims_table(table, tables))
    return {"claims/verdicts": verdicts_in_words(table, tables)}


def _write_setup(parts: dict[Part, pd.DataFrame], runs: dict[str, RunFolder], folder: Path) -> None:
    """The tables of networks, of LP-AAE or else of the first model of a part, and of hyper-parameters."""
    networks, settings = {}, []
    for part, chosen in parts.items():
        first = first_seeds(chosen)
        of = "lpaae" if "lpaae" in first.index else first.index[0]
        networks[first.at[of, "data title"]] = runs[first.at[of, "run"]].config()
        for key in (key for key in first.index if key in models()):
            settings.append((first.at[key, "data title"], runs[first.at[key, "run"]].config()))
    networks_table(networks).write(folder, "networks")
    settings_table(settings).write(folder, "settings")


def _pages(part: Part, first: pd.DataFrame) -> str:
    """In LaTeX, what the appendix shows of each model of a part."""
    return "".join(
        rf"\results{{{part.file}{key}}}{{{part.key}{key}}}{{{named(title_of(key))}}}" "\n" for key in first.index
    )


def _write_studies(by_study: dict[str, list[RunFolder]], output: Path) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Tables and figures of each study, from its finished runs, and studies.tex, what the appendix has of them.

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
            texts.append(_in_appendix(study, shown))
        said |= shown.values
    (output / "studies.tex").write_text("\n".join(filter(None, texts)) + "\n")
    return labels, said


def _in_appendix(study: Study, shown: Shown) -> str:
    """In LaTeX: the text of a study that main.tex has no \\study{...} for, and those tables and figures that the text
    does not show, under its title; nothing if there is neither."""
    title, preset, file = escape(study.title), escape(study.name), SOURCES / "studies" / f"{study.name}.tex"
    text = file.read_text() if file.exists() else ""
    in_body = rf"\study{{{study.name}}}" in (SOURCES / "main.tex").read_text()
    left = [
        (kind, name)
        for kind, names in (("figure", shown.figures), ("table", shown.tables))
        for name in names if not any(rf"\{how}{kind}{{{name}}}" in text for how in ("study", "captioned"))
    ]  # fmt: skip
    parts = [rf"\input{{studies/{study.name}}}"] if text and not in_body else []
    if left:
        listed = ", ".join(referred(f"{kind[:3]}:{name}") for kind, name in left)
        parts.append(f"{'What the body does not show of it' if in_body else 'What the runs have'}: {listed}.")
    for kind, name in left:
        caption = shown.captions.get(name)
        parts.append(
            rf"\captionedtable{{{name}}}{{{caption}}}" if caption else rf"\study{kind}{{{name}}}{{{title}}}{{{preset}}}"
        )
    return "\n\n".join([rf"\subsection{{{title}}}", *parts]) if parts else ""


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


def _write_part(part: Part, table: pd.DataFrame, runs: dict[str, RunFolder], output: Path) -> bool:
    """Figures and tables of the runs of one part; whether there are samples of the control."""
    logs = {name: runs[name].log() for name in table["run"]}
    control = write_panels(part, table, runs, output / "figures")
    for key, facts in first_seeds(table).iterrows():
        _write_figures(runs[facts["run"]], logs[facts["run"]], f"{part.file}{key}", output / "figures")
    groups = table.groupby("key", sort=False)
    device = _usual_device(table)  # minutes of another one would not compare
    by_model = {
        title_of(key): [logs[name] for name, on in zip(group["run"], group["device"], strict=True) if on == device]
        for key, group in groups
    }
    figures.save_pdf(curves.progress_figure(by_model), output / "figures" / f"{part.file}progress.pdf")
    results_table(table).write(output / "tables", f"{part.file}results")
    if is_judged_twice(table):
        results_table(table, SECOND).write(output / "tables", f"{part.file}second")
    more_table(table, part.more).write(output / "tables", f"{part.file}more")
    (output / "tables" / f"{part.file}cost.tex").write_text(cost_table(table))
    return control


def _usual_device(table: pd.DataFrame) -> str:
    """The one that most of the runs were trained on."""
    return table["device"].mode()[0]


def _write_figures(run: RunFolder, log: pd.DataFrame, stem: str, folder: Path) -> None:
    """The pictures of a run."""
    for name in PICTURES:
        figures.save_for_print(run.still(name), folder / f"{stem}-{name}")
    figures.save_for_print(unlabelled(run.still("evolution")), folder / f"{stem}-evolution", times=1, quality=35)
    figures.save_pdf(curves.course_figure(log), folder / f"{stem}-course.pdf")
