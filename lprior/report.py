"""From a folder of runs to the LaTeX report: values.tex, tables and figures beside a copy of the report's sources.

No number is typed into the report by hand: the text says \\res{key}, and a key that is not in values.tex stops LaTeX.
"""

import shutil
from pathlib import Path

import pandas as pd
from PIL import Image

from lprior import data, figures, presets
from lprior.errors import UserError
from lprior.evaluators import EVALUATOR_OF, evaluator_description
from lprior.results import RunFolder, git_commit

SOURCES = Path(__file__).parents[1] / "report"
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
ANCHORS = {  # key in the evaluator's description -> key of \\res
    "accuracy_test": "evaluator accuracy",
    "score_test": "real score",
    "score_test_100": "real score of a sheet",
    "fid_train_test": "real FID",
}
COLUMNS = {  # what the results table shows of a run: title -> format
    "FID": "{:.2f}",
    "score": "{:.2f}",
    "entropy": "{:.2f}",
    "rarest": "{:.1f}",
    "commonest": "{:.1f}",
    "reconstruction": "{:.4f}",
}


def write_report(results: Path, output: Path, names: list[str]) -> None:
    """Write everything that `build.sh` compiles into `output`. `names`: the runs, all finished ones if empty.

    Raises UserError if a run is not finished.
    """
    names = names or sorted(path.parent.name for path in results.glob("*/metrics.json"))
    if not names:
        raise UserError(f"{results} holds no finished run to report")
    runs = {name: RunFolder(results / name) for name in names}
    table = pd.DataFrame({name: facts(run) for name, run in runs.items()}).T
    first = table.sort_values("seed", kind="stable").drop_duplicates("key").set_index("key")

    for folder in ("figures", "tables"):
        shutil.rmtree(output / folder, ignore_errors=True)
        (output / folder).mkdir(parents=True)
    shutil.copytree(SOURCES, output, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.pdf", "*.sh"))
    for key, row in first.iterrows():
        _write_figures(runs[row["run"]], key, output / "figures")
    (output / "tables" / "results.tex").write_text(results_table(table))
    (output / "tables" / "cost.tex").write_text(cost_table(table))
    (output / "values.tex").write_text(_values(first))


def facts(run: RunFolder) -> dict:
    """What the report says of one run, as strings and numbers under the keys of \\res."""
    config, made, metrics = run.config(), run.read_json("provenance.json"), run.read_json("metrics.json")
    short: dict = dict.fromkeys([*COLUMNS, "score of a sheet"])
    short |= {"run": run.path.name, "key": "-".join(filter(None, (config.algorithm, config.variant)))}
    for name, value in metrics.items():
        kind, _, rest = name.partition("_")
        if kind == "histogram":
            short |= {"rarest": 100 * min(value), "commonest": 100 * max(value)}
        elif kind == "score":
            short["score of a sheet" if rest.endswith("_100") else "score"] = value
        else:
            short["FID" if kind == "fid" else kind] = value
    return {
        **short,
        "seed": config.seed, "epochs": config.epochs, "preset": config.preset, "dataset": config.dataset,
        "batch size": config.batch_size, "samples": config.samples, "width": config.width, "code": config.code,
        "commit": made["commit"], "device": made["device"], "threads": made["threads"], "precision": made["precision"],
        "data": made["data"], "seconds per epoch": made["seconds_per_epoch"],
        "minutes": made["training_seconds"] / 60, "memory": made["peak_memory_bytes"] / 2**30,
    }  # fmt: skip


def results_table(table: pd.DataFrame) -> str:
    """LaTeX rows: a model, the number of its seeds, mean and standard deviation of each metric."""
    rows = []
    for key, group in table.groupby("key", sort=False):
        cells = [presets.TITLES.get(key, key), str(len(group))]
        rows.append([*map(escape, cells), *(_spread(group.get(name), form) for name, form in COLUMNS.items())])
    return _rows(rows)


def cost_table(table: pd.DataFrame) -> str:
    """LaTeX rows: a model, epochs, and medians of what a run of it cost."""
    rows = []
    for key, group in table.groupby("key", sort=False):
        middle = {name: pd.to_numeric(group[name]).median() for name in ("seconds per epoch", "minutes", "memory")}
        cells = [presets.TITLES.get(key, key), str(group["epochs"].iloc[0])]
        numbers = [f"{middle['seconds per epoch']:.1f}", f"{middle['minutes']:.1f}", f"{middle['memory']:.2f}"]
        threads = group["threads"].iloc[0]
        made = f"{group['device'].iloc[0]}, {threads} thread{'s' if threads > 1 else ''}"
        rows.append([*map(escape, cells), *numbers, escape(made)])
    return _rows(rows)


def escape(text: str) -> str:
    """Plain text as LaTeX."""
    words = {"\\": "textbackslash", "^": "textasciicircum", "~": "textasciitilde"}
    replaced = {character: f"\\{word}{{}}" for character, word in words.items()}
    replaced |= {character: f"\\{character}" for character in "&%$#_{}"}
    return "".join(replaced.get(character, character) for character in text)


def _spread(values: pd.Series | None, form: str) -> str:
    """Mean and standard deviation over seeds; a dash where a value is missing or is not a number."""
    numbers = pd.to_numeric(values, errors="coerce") if values is not None else pd.Series(dtype=float)
    if numbers.empty or numbers.isna().any():
        return "--"
    mean = form.format(numbers.mean())
    return mean if len(numbers) == 1 else f"${mean} \\pm {form.format(numbers.std())}$"


def _rows(rows: list[list[str]]) -> str:
    return "".join(" & ".join(row) + " \\\\\n" for row in rows)


def _write_figures(run: RunFolder, key: str, folder: Path) -> None:
    """The pictures of a run; sheets are enlarged threefold without smoothing, so that pixels stay pixels."""
    for name in ("samples", "reconstructions"):
        picture = Image.open(run / f"{name}.png")
        picture.resize((3 * picture.width, 3 * picture.height), Image.Resampling.NEAREST).save(folder / f"{key}-{name}.png")
    shutil.copy(run / "evolution.png", folder / f"{key}-evolution.png")
    figures.loss_figure(pd.read_csv(run / "log.csv")).savefig(folder / f"{key}-losses.pdf", metadata={"CreationDate": None})


def _values(first: pd.DataFrame) -> str:
    """\\setres{<model>/<fact>}{text} for each model's first seed, and what holds for all of them."""
    any_run = first.iloc[0]
    measurable = any_run["dataset"] in EVALUATOR_OF
    anchors = evaluator_description(any_run["dataset"]) if measurable else dict.fromkeys(ANCHORS)
    general = {
        "dataset": data.TITLES[any_run["dataset"]],
        "commit": git_commit(),
        "samples": f"{any_run['samples']:,}".replace(",", "\\,"),
        "preset": any_run["preset"],
    } | {name: _text(name, anchors[key]) for key, name in ANCHORS.items()}
    lines = [f"\\setres{{{name}}}{{{value if chr(92) in value else escape(value)}}}" for name, value in general.items()]
    lines.append(f"\\setres{{note}}{{{PRESET_NOTES[any_run['preset']]} {DATA_NOTES.get(any_run['dataset'], '')}}}")
    for key, row in first.iterrows():
        for name, value in row.items():
            lines.append(f"\\setres{{{key}/{name}}}{{{escape(_text(name, value))}}}")
    return "\n".join(lines) + "\n"


def _text(name: str, value: object) -> str:
    if value is None or value != value:  # missing, or not a number
        return "--"
    if name in COLUMNS:
        return COLUMNS[name].format(value)
    if name == "evaluator accuracy":
        return f"{100 * value:.2f}"
    if name in ("minutes", "seconds per epoch"):
        return f"{value:.1f}"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
