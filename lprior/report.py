"""From a folder of runs to the LaTeX report: values.tex, tables and figures beside a copy of the report's sources.

No number is typed into the report by hand: the text says \\res{key}, and a key that is not in values.tex stops LaTeX.
"""

import json
import shutil
from pathlib import Path

import pandas as pd
from PIL import Image

from lprior import figures, presets
from lprior.claims import claims_table
from lprior.errors import UserError
from lprior.evaluators import EVALUATOR_OF, evaluator_description
from lprior.results import RunFolder, git_commit
from lprior.tables import FORMATS, anchors, cost_table, escape, more_table, results_table, row, speed_table, table_of

SOURCES = Path(__file__).parents[1] / "report"
BENCHMARKS = Path(__file__).parents[1] / "benchmarks" / "results"
PRESET_NOTES = {
    "smoke": "This is a \\emph{smoke} build: seconds of training on little data with tiny networks. It shows that "
    "every step works, and none of its pictures and numbers is a result.",
    "quick": "The runs shown were made by the preset \\emph{quick}: compact networks, minutes per run on a CPU.",
    "full": "The runs shown were made by the preset \\emph{full}: the networks of the original paper, on a GPU.",
}
DATA_NOTES = {
    "mnist5k": "\\textbf{Not MNIST itself:} its data were not at hand and could not be downloaded, so that everything "
    "below was trained on 4\\,500 embedded MNIST digits and tested on 500 others."
}
PICTURES = ("samples", "reconstructions", "neighbours")


def write_report(results: Path, output: Path, names: list[str]) -> None:
    """Write everything that `build.sh` compiles into `output`. `names`: the runs, all finished ones if empty.

    Raises UserError if a run is not finished.
    """
    names = names or sorted(path.parent.name for path in results.glob("*/metrics.json"))
    if not names:
        raise UserError(f"{results} holds no finished run to report")
    runs = {name: RunFolder(results / name) for name in names}
    table = table_of(runs.values())
    first = table.sort_values("seed", kind="stable").drop_duplicates("key").set_index("key")

    for folder in ("figures", "tables"):
        shutil.rmtree(output / folder, ignore_errors=True)
        (output / folder).mkdir(parents=True)
    shutil.copytree(SOURCES, output, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.pdf", "*.sh"))
    logs = {name: pd.read_csv(run / "log.csv") for name, run in runs.items()}
    for key, facts in first.iterrows():
        _write_figures(runs[facts["run"]], logs[facts["run"]], key, output / "figures")
    by_model = {presets.TITLES.get(key, key): [logs[name] for name in group["run"]] for key, group in table.groupby("key", sort=False)}
    save_pdf(figures.progress_figure(by_model), output / "figures" / "progress.pdf")
    made = {"results": results_table, "more": more_table, "cost": cost_table, "claims": claims_table}
    for name, make in made.items():
        (output / "tables" / f"{name}.tex").write_text(make(table))
    (output / "tables" / "commands.tex").write_text(commands_table(first))
    (output / "tables" / "speed.tex").write_text(speed_table(BENCHMARKS))
    (output / "values.tex").write_text(_values(table, first))


def commands_table(first: pd.DataFrame) -> str:
    """LaTeX rows: what, and the command that makes it, for each figure and table."""
    preset, rows = first["preset"].iloc[0], []
    for key, facts in first.iterrows():
        run = f"./run_all.sh --preset {preset} {facts['run']}"
        for kind, file in (("latest", "samples.png"), ("evolution", "evolution.png"), ("course", "log.csv")):
            rows.append([rf"figure~\ref{{fig:{key}-{kind}}}", rf"\texttt{{{escape(f'{run}/{file}')}}}"])
    report = r"\texttt{./run\_all.sh -{}-preset published}, from \texttt{results/published}"
    tables = ("results", "more", "cost", "claims", "commands")
    rows += [[r"table~\ref{tab:speed}", r"the scripts in \texttt{benchmarks/}, one for each block"]]
    rows += [[rf"table~\ref{{tab:{name}}}", report] for name in tables] + [[r"figure~\ref{fig:progress}", report]]
    return "".join(row([what, command.replace("--", "-{}-")]) for what, command in rows)


def save_pdf(figure, path: Path) -> None:
    """Without a date, so that the same runs give the same bytes."""
    figure.savefig(path, metadata={"CreationDate": None})


def _write_figures(run: RunFolder, log: pd.DataFrame, key: str, folder: Path) -> None:
    """The pictures of a run; sheets are enlarged threefold without smoothing, so that pixels stay pixels."""
    for name in PICTURES:
        picture = Image.open(run / f"{name}.png")
        picture.resize((3 * picture.width, 3 * picture.height), Image.Resampling.NEAREST).save(folder / f"{key}-{name}.png")
    shutil.copy(run / "evolution.png", folder / f"{key}-evolution.png")
    save_pdf(figures.loss_figure(log), folder / f"{key}-losses.pdf")
    save_pdf(figures.metrics_figure(log), folder / f"{key}-metrics.pdf")


def _values(table: pd.DataFrame, first: pd.DataFrame) -> str:
    """\\setres{<model>/<fact>}{text} for each model's first seed, and what holds for all of them."""
    any_run = first.iloc[0]
    dataset, measurable = any_run["dataset"], any_run["dataset"] in EVALUATOR_OF
    described = evaluator_description(dataset) if measurable else {}
    general = {
        "dataset": escape(any_run["data title"]),
        "commit": git_commit(),
        "samples": f"{any_run['samples']:,}".replace(",", "\\,"),
        "preset": any_run["preset"],
        "seeds": _listed(sorted(table["seed"].unique())),
        "seed list": " ".join(str(seed) for seed in sorted(table["seed"].unique())),
        "commits": _listed(sorted(table["commit"].unique())),
        "runs": ", ".join(rf"\texttt{{{escape(name)}}}" for name in table["run"]),
        "evaluator accuracy": f"{100 * described['accuracy_test']:.2f}" if measurable else "--",
        "evaluator version": str(described.get("version", "--")),
        "machine": escape(_benchmarked()),
        "note": f"{PRESET_NOTES[any_run['preset']]} {DATA_NOTES.get(dataset, '')}",
    }
    general |= {f"real {name}": _text(name, value) for name, value in anchors(dataset).items()}
    lines = [f"\\setres{{{name}}}{{{value}}}" for name, value in general.items()]
    for key, facts in first.iterrows():
        for name, value in facts.items():
            lines.append(f"\\setres{{{key}/{name}}}{{{escape(_text(name, value))}}}")
    return "\n".join(lines) + "\n"


def _benchmarked() -> str:
    """The machine that the benchmarks were run on."""
    for path in sorted(BENCHMARKS.glob("*.json")):
        where = json.loads(path.read_text())["machine"]
        return f"{where['device']}, {where['threads']} threads"
    return "--"


def _listed(values: list) -> str:
    return ", ".join(str(value) for value in values)


def _text(name: str, value: object) -> str:
    if value is None or value != value:  # missing, or not a number
        return "--"
    form = FORMATS.get(name.removeprefix("mixture "))
    if form and isinstance(value, float):
        return form.format(value)
    return f"{value:.2f}" if isinstance(value, float) else str(value)
