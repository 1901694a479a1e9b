"""A folder of runs as pages to look at, which a browser opens from disk, without a network:

    index.html                   a row per data set, a card per model
    gallery/compare.html         any two runs side by side
    gallery/<run>.html           a page per run
    gallery/<run>/               what is made for it: curves, the plane of its prior, frames, its notebook as HTML

Pictures and weights stay where they are, and pages link to them.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure
from PIL import Image

from lprior import curves, figures, plane
from lprior.config import RunConfig
from lprior.data import DATASETS
from lprior.errors import UserError
from lprior.evaluation.metrics import METRICS, by_title
from lprior.model import load
from lprior.report.commands import command
from lprior.report.departures import departures
from lprior.report.frame import MIXTURE, anchors, form, table_of
from lprior.report.html import notebook_html
from lprior.report.latex import MISSING, plain, spread
from lprior.report.tables import like_anchors
from lprior.results import WRITING, RunFolder, finished
from lprior.runs import models, title_of, variants_of
from lprior.stored import damaged, read_frames, read_picture
from lprior.weights import FILE as WEIGHTS
from lprior.weights import SUMS, read_sums

FOLDER = "gallery"
STATIC = ("gallery.css", "gallery.js")
OF_CARD = ("FID", "score", "precision", "recall")
NOTEBOOK = "notebook.ipynb"
ANIMATION = "evolution.gif"
PICTURES = {
    "samples": "A hundred samples from the prior, by the averaged decoder",
    "mixture": "The control: a hundred samples by the same decoder, of a mixture of ten Gaussians fitted to its codes",
    "evolution": "The same noise, a column each, over epochs, a row each",
    "reconstructions": "Test images, and below each its reconstruction",
    "neighbours": "Samples, and below each the training image nearest to it in pixels",
}
PAGES = Environment(loader=PackageLoader("lprior.report"), autoescape=True, undefined=StrictUndefined,
                    trim_blocks=True, lstrip_blocks=True)  # fmt: skip
PAGES.policies["json.dumps_kwargs"] = {"sort_keys": False}  # metrics and pictures have an order


def write_gallery(folder: Path) -> Path:
    """Write the pages of the finished runs in `folder` into it; the path of index.html. Folders of runs in it, such as
    studies, get theirs, and a link.

    They replace those of an earlier call, and nothing else. Raises UserError if there is no finished run, and if
    something else has their names.
    """
    runs, index, made = finished(folder), folder / "index.html", folder / FOLDER
    if not runs:
        raise UserError(f"{folder} holds no finished run to show")
    if (index.exists() or made.exists()) and not (made / STATIC[0]).exists():
        raise UserError(f"{folder} holds an index.html or a folder {FOLDER} of something else: move it away")
    within = sorted({run.parents[1] for run in folder.glob("*/*/metrics.json")})
    for other in within:
        write_gallery(other)
    with tempfile.TemporaryDirectory(dir=folder, prefix=WRITING) as beside:
        (Path(beside) / FOLDER).mkdir()
        _fill(folder, runs, [other.name for other in within], Path(beside))
        if made.exists():
            os.rename(made, Path(beside) / "old")
        os.rename(Path(beside) / FOLDER, made)
        os.replace(Path(beside) / index.name, index)
    return index


def _fill(folder: Path, runs: list[RunFolder], within: list[str], beside: Path) -> None:
    """Write all pages on the runs in `folder` into `beside`. `within`: folders in it that have pages of their own."""
    made, table = beside / FOLDER, table_of(runs)
    for name in STATIC:
        (made / name).write_text(PAGES.get_template(name).render())
    shown, drawn = {}, {}
    for run in runs:
        (made / run.path.name).mkdir()
        _write_curves(run.log(), made / run.path.name, drawn)
        page = run_page(run, table, made / run.path.name)
        _write(made / f"{run.path.name}.html", "run.html", **page)
        shown[run.path.name] = page["shown"]
    readings = sorted({path.parent.name for path in folder.glob(f"*/{NOTEBOOK}")} - shown.keys())
    for name in readings:
        (made / name).mkdir()
        _write_notebook(folder / name, made / name)
    rows = rows_of(table, shown)
    _write(made / "compare.html", "compare.html", rows=rows, runs=shown)
    links = {"name": folder.resolve().name, "readings": readings, "within": within}
    _write(beside / "index.html", "index.html", rows=rows, of_card=OF_CARD, root=f"{FOLDER}/", **links)


def _write(path: Path, template: str, root: str = "", **values: Any) -> None:
    """A page. `root`: where the gallery's own files are, as seen from it."""
    path.write_text(PAGES.get_template(template).render(values, root=root))


def rows_of(table: pd.DataFrame, shown: dict[str, dict]) -> list[dict]:
    """For each data set its title and its cards, a card for each model: what index.html shows."""
    rows = []
    for dataset in [name for name in DATASETS if name in set(table["dataset"])]:
        of_dataset = table[table["dataset"] == dataset]
        groups = {key: group.sort_values("seed") for key, group in of_dataset.groupby("key")}
        cards = [_card(key, groups[key], shown) for key in sorted(groups, key=_place)]
        real = _texts(pd.DataFrame([anchors(dataset)])) if like_anchors(of_dataset) else {}
        rows.append({"dataset": dataset, "title": of_dataset["data title"].iloc[0], "cards": cards, "real": real})
    return rows


def _place(key: str) -> tuple:
    """Models of the main tables first, then variants in the order of `runs.VARIANTS`."""
    algorithm, _, variant = key.partition("-")
    main, others = models(), list(variants_of(algorithm))
    return (main.index(key) if key in main else len(main), algorithm,
            others.index(variant) if variant in others else len(others), variant)  # fmt: skip


def _card(key: str, group: pd.DataFrame, shown: dict[str, dict]) -> dict:
    algorithm, _, variant = key.partition("-")
    seeds = {int(seed): run for run, seed in group["seed"].items()}
    return {"title": title_of(key), "algorithm": title_of(algorithm), "variant": variant or "none", "seeds": seeds,
            "metrics": _texts(group), "epochs": group["epochs"].iloc[0],
            "first": shown[group.index[0]]}  # fmt: skip


def _texts(group: pd.DataFrame, prefix: str = "") -> dict[str, str]:
    """Title -> mean and standard deviation over the rows, of the metrics that they have."""
    titles = [title for metric in METRICS for title in metric.parts or [metric.title]]
    titles = [title for title in titles if prefix + title in group]
    found = {title: spread(group[prefix + title], form(title)) for title in titles}
    return {title: plain(text) for title, text in found.items() if text != MISSING}


def run_page(run: RunFolder, table: pd.DataFrame, made: Path) -> dict:
    """What run.html shows of a run; writes what is made for it into `made`."""
    name, config, facts = run.path.name, run.config(), table.loc[run.path.name]
    own = table.loc[[name]]
    metrics, control = _texts(own), _texts(own, MIXTURE)
    real = _texts(pd.DataFrame([anchors(config.dataset)])) if like_anchors(own) else {}
    arrows = {title: {True: "↑", False: "↓", None: ""}[by_title(title).higher_is_better] for title in metrics}
    pictures = {stem: f"../{name}/{path.name}" for stem in PICTURES if (path := _picture(run, stem))}
    shown = {"name": name, "title": title_of(config.model), "dataset": facts["data title"], "seed": config.seed,
             "metrics": metrics, "pictures": pictures, "frames": frames_of(run, config, made)}  # fmt: skip
    has_weights, has_notebook = (run / WEIGHTS).exists(), (run / NOTEBOOK).exists()
    if has_notebook:
        _write_notebook(run.path, made)
    return {
        "shown": shown, "control": control, "real": real, "arrows": arrows, "facts": facts.to_dict(),
        "captions": PICTURES, "difference": departures(config, ""), "command": command(config), "weights": has_weights,
        "notebook": has_notebook, "archived": name in _archived(run.path.parent),
        "plane": _plane(run, config, made),
        "seeds": table[(table["key"] == config.model) & (table["dataset"] == config.dataset)]["seed"].to_dict(),
    }  # fmt: skip


def _write_curves(log: pd.DataFrame, made: Path, drawn: dict[tuple, Figure]) -> None:
    """`drawn`: figures by what they show, which those of further runs are made of."""
    for stem, make in {"losses": curves.loss_figure, "metrics": curves.metrics_figure}.items():
        key = (stem, *log.columns)
        if key in drawn:
            curves.redraw(drawn[key], log)
        else:
            drawn[key] = make(log)
        figures.save_svg(drawn[key], made / f"{stem}.svg")


def _archived(folder: Path) -> set[str]:
    """The runs whose weights are in the archive of the published runs in `folder`; none if these are others."""
    return set(read_sums(folder)) if (folder / SUMS).exists() else set()


def _picture(run: RunFolder, stem: str) -> Path | None:
    return run.still(stem) if run.has_still(stem) else None  # of further seeds only samples are published


def frames_of(run: RunFolder, config: RunConfig, made: Path) -> list[dict]:
    """The samples after each epoch that is at hand: epoch, picture, and which of the picture's rows they are.

    From the run's frames; else of its animation, written into `made`; else the rows of its evolution.
    """
    name, epochs, found = run.path.name, range(config.epochs + 1), []
    if frames := {epoch: run.frame(epoch) for epoch in epochs if run.frame(epoch).exists()}:
        return [_frame(epoch, f"../{name}/frames/{path.name}", read_picture(path)) for epoch, path in frames.items()]
    if (run / ANIMATION).exists():
        pictures = read_frames(run / ANIMATION)
        if len(pictures) > len(epochs):
            raise damaged(run / ANIMATION, f"it has {len(pictures)} frames of {len(epochs)} epochs")
        for epoch, picture in zip(figures.spaced(epochs, len(pictures)), pictures, strict=True):
            picture.save(made / f"epoch-{epoch:04d}.png")
            found.append(_frame(epoch, f"{name}/epoch-{epoch:04d}.png", picture))
        return found
    if path := _picture(run, "evolution"):
        chosen, picture = figures.spaced(epochs, figures.MOST_ROWS), read_picture(path)
        return [_frame(epoch, f"../{name}/{path.name}", picture, i, len(chosen)) for i, epoch in enumerate(chosen)]
    return []


def _frame(epoch: int, address: str, picture: Image.Image, row: int = 0, rows: int = 1) -> dict:
    ratio = rows * picture.width / picture.height
    return {"epoch": epoch, "picture": address, "row": row, "rows": rows, "ratio": round(ratio, 4)}


def _plane(run: RunFolder, config: RunConfig, made: Path) -> dict | None:
    """The plane of the run's prior, drawn by its weights into `made`, else as it was published; None without either."""
    published = run / plane.FILE
    if (run / WEIGHTS).exists() and config.code > 1 and DATASETS[config.dataset].language is None:
        picture, address = plane.plane(load(run.path)), f"{made.name}/{plane.FILE}"
        picture.save(made / plane.FILE, quality=80)
    elif published.exists():
        picture, address = read_picture(published), f"../{run.path.name}/{plane.FILE}"
    else:
        return None
    blocks = plane.blocks_of(picture)
    return {"picture": address, "side": plane.side(blocks), "blocks": blocks}


def _write_notebook(folder: Path, made: Path) -> None:
    """The notebook of a folder as a page; links in it are from that folder."""
    body, base = notebook_html(folder / NOTEBOOK), f"../../{folder.name}/"
    _write(made / "notebook.html", "notebook.html", name=folder.name, body=body, base=base)
