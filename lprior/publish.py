"""What is published of a run: what a reader needs, in as little room as that takes.

    config.json, provenance.json, log.csv, metrics.json    of every run, of a study nothing else but what it says;
                                                           language.json of those that have it
    samples                                                of every other run, in any seed
    evolution, reconstructions, neighbours                 of seed 0
    mixture, notebook.ipynb                                of seed 0 of the models of the main tables
    evolution.gif                                          of these, on digits
    model.safetensors                                      of these, where they are small: `for_git`
    plane.webp                                             of seed 0 of models with s, on digits, instead

Stills are PNG without loss if they are grey, else WebP; but samples whose model is beside them are always without loss,
so that both can be compared. `results.still` finds either. Weights are in half precision; weights.json has the sums of
all, those that only the archive holds too (`weights.py`). A notebook links to the stills instead of holding them.
"""

import base64
import io
import os
import shutil
import tempfile
from pathlib import Path

from PIL import Image

from lprior import plane, weights
from lprior.config import RunConfig
from lprior.data import DATASETS
from lprior.errors import UserError
from lprior.figures import is_grey, save_frames, spaced
from lprior.model import load
from lprior.results import LANGUAGE, MIXTURE_SHEET, RunFolder
from lprior.runs import STUDIES, models
from lprior.stored import damaged, first_line, read_frames, read_picture

NUMBERS = ("config.json", "provenance.json", "log.csv", "metrics.json")
STILLS = ("samples", "evolution", "reconstructions", "neighbours")
NOTEBOOK = "notebook.ipynb"
ANIMATION = "evolution.gif"
MOST_WEIGHTS = 2_000_000  # bytes of a run's weights that git takes
MOST_FRAMES = 11
QUALITY, COARSE = 70, 45  # of WebP; of evolutions, which are large


def publish(source: Path, to: Path) -> Path:
    """Publish a finished run, or a notebook that read runs and its figures, as a folder in `to`; that folder.

    It replaces what was published there in one instant, and never touches `source`. Raises UserError if the run is not
    finished, if the two folders are one or within each other, or if a run of another preset is published there.
    """
    target = destination(source, to)
    reading = is_reading(source)
    content = None
    if not reading:
        RunFolder(source).read_json("metrics.json")  # only a finished run has it
        if RunFolder(source).config().validation:
            raise UserError(f"{source} is a trial, measured on images held out of its training: it is not published")
        _refuse_another(RunFolder(source).config(), RunFolder(target))
        content = None if is_study(source) else weights.half(source / weights.FILE)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".publishing-") as beside:
        new, old = Path(beside) / "new", Path(beside) / "old"
        new.mkdir()
        if reading:
            _fill_reading(source, new)
        else:
            _fill(RunFolder(source), new, content)
        if target.exists():
            os.rename(target, old)
        try:
            os.rename(new, target)
        except OSError:
            if old.exists():
                os.rename(old, target)
            raise
    if content is not None:
        weights.record(target.parent, target.name, weights.sum_of(content), (target / weights.FILE).exists())
    return to / target.name


def destination(source: Path, to: Path) -> Path:
    """Where `source` is published in `to`: under the name that its folder really has, however it was given.

    Raises UserError if that is `source` itself, or one holds the other, or if it holds a run that is not published.
    """
    origin = source.resolve()
    target = (to.resolve() / origin.name).resolve()
    if origin == target or origin in target.parents or target in origin.parents:
        raise UserError(f"{source} cannot be published as {target}: one is the other, or within it")
    if (target / "frames").exists() or (target / "checkpoint.pt").exists():
        raise UserError(f"{target} holds a run that can go on, and would be lost: publish to another folder")
    return target


def _refuse_another(config: RunConfig, there: RunFolder) -> None:
    """Raises UserError if what is published `there` is of another preset: only the name of the run is the same."""
    if (there / "config.json").exists() and (other := there.config().preset) != config.preset:
        raise UserError(f"{there.path} holds this run of {other}, not {config.preset}: publish to another folder")


def is_reading(source: Path) -> bool:
    """Whether this is the folder of a notebook that read runs, rather than of a run."""
    return (source / NOTEBOOK).exists() and not (source / "config.json").exists()


def is_study(source: Path) -> bool:
    return RunFolder(source).config().preset in STUDIES


def archived(sources: dict[str, Path]) -> dict[str, Path]:
    """Of folders that are published, those whose weights belong in the archive. Raises UserError for a folder that
    is neither of a run nor of a notebook."""
    return {name: path for name, path in sources.items() if not is_reading(path) and not is_study(path)}


def for_git(config: RunConfig, size: int) -> bool:
    """Whether weights of `size` bytes are published with the run, and not only in the archive; on pictures, whose
    models are larger, of LP-AAE alone."""
    grey = DATASETS[config.dataset].family == "digits"
    return size <= MOST_WEIGHTS and is_main(config) and (grey or config.algorithm == "lpaae")


def is_main(config: RunConfig) -> bool:
    """Whether this is the first seed of a model of the main tables."""
    return config.seed == 0 and config.model in models()


def _fill(run: RunFolder, folder: Path, content: bytes | None) -> None:
    """Write into `folder` what is published of a run, of which `content` are the weights, None for a study."""
    config = run.config()
    for name in (*NUMBERS, LANGUAGE):
        if (run / name).exists():
            shutil.copyfile(run / name, folder / name)
    if content is None:
        study = STUDIES[config.preset]
        if config.model in study.pictured and config.seed == 0:
            _place(run / "samples.png", folder)
        if config.model in study.shipped and config.seed == 0:
            (folder / weights.FILE).write_bytes(weights.half(run / weights.FILE))
        return
    with_weights = for_git(config, len(content))
    if with_weights:
        (folder / weights.FILE).write_bytes(content)
    elif (
        config.seed == 0
        and DATASETS[config.dataset].family == "digits"
        and (model := load(run.path)).autoencoder.s.values
    ):
        plane.plane(model).save(folder / plane.FILE, quality=60)
    shown = {}
    for stem in STILLS if config.seed == 0 else STILLS[:1]:
        path = run / f"{stem}.png"
        if path.exists():
            quality = COARSE if stem == "evolution" else QUALITY
            shown |= _place(path, folder, lossless=with_weights and stem == "samples", quality=quality)
    if is_main(config):
        if (run / MIXTURE_SHEET).exists():
            _place(run / MIXTURE_SHEET, folder)
        if (run / NOTEBOOK).exists():
            slim_notebook(run / NOTEBOOK, folder / NOTEBOOK, shown)
        if DATASETS[config.dataset].family == "digits" and (run / ANIMATION).exists():
            shorten(run / ANIMATION, folder / ANIMATION)


def _fill_reading(source: Path, folder: Path) -> None:
    """The notebook, and the pictures and tables beside it."""
    shown = {}
    for path in sorted(source.iterdir()):
        if path.suffix == ".png":
            shown |= _place(path, folder)
        elif path.suffix in (".json", ".csv"):
            shutil.copyfile(path, folder / path.name)
    slim_notebook(source / NOTEBOOK, folder / NOTEBOOK, shown)


def _place(path: Path, folder: Path, lossless: bool = False, quality: int = QUALITY) -> dict[bytes, str]:
    """Write a picture into `folder`, compressed: what it shows -> its name there, for `slim_notebook`."""
    picture = read_picture(path)
    suffix, small = compressed(picture, lossless, quality)
    (folder / f"{path.stem}{suffix}").write_bytes(small)
    return {_pixels(picture): f"{path.stem}{suffix}"}


def _pixels(picture: Image.Image) -> bytes:
    """The same for two pictures that look the same, however they were saved."""
    return repr(picture.size).encode() + picture.convert("RGB").tobytes()


def compressed(picture: Image.Image, lossless: bool = False, quality: int = QUALITY) -> tuple[str, bytes]:
    """The ending and the content of a file that shows the picture: without loss if it is grey; a drawing, which has
    few colours, in 256 of them; else as WebP."""
    colour = picture.convert("RGB")
    if is_grey(colour):
        return ".png", _saved(colour.convert("L"), format="png", optimize=True)
    if lossless:
        return ".webp", _saved(colour, format="webp", lossless=True, quality=100, method=6)
    if colour.getcolors(maxcolors=1 << 14):
        palette = colour.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        return ".png", _saved(palette, format="png", optimize=True)
    return ".webp", _saved(colour, format="webp", quality=quality, method=6)


def _saved(picture: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, **options)
    return buffer.getvalue()


def shorten(source: Path, target: Path) -> None:
    """Write an animation of square sheets in 16 greys, of the upper half of each, with fewer frames, the first and the
    last among them. (In colour it would still take half a megabyte.)"""
    frames = spaced(read_frames(source), MOST_FRAMES)
    upper = [frame.convert("L").crop((0, 0, frame.width, frame.height - frame.width // 2)) for frame in frames]
    pictures = [frame.quantize(16, dither=Image.Dither.NONE) for frame in upper]
    save_frames(pictures, target, optimize=True)


def slim_notebook(source: Path, target: Path, shown: dict[bytes, str]) -> None:
    """Write an executed notebook whose pictures are links or small. `shown`: what is seen in each picture that is
    published beside it -> its name there. What it has as HTML it need not have as LaTeX, too."""
    import nbformat

    try:
        notebook = nbformat.read(source, as_version=4)
    except Exception as error:  # nbformat names no common class for what is no notebook
        raise damaged(source, first_line(error)) from error
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/html" in data:
                data.pop("text/latex", None)
            content = data.pop("image/png", None)
            if content is None:
                continue
            picture, facts = Image.open(io.BytesIO(base64.b64decode(content))), output.metadata.pop("image/png", {})
            if _pixels(picture) in shown:
                data["text/html"] = _image(shown[_pixels(picture)], Path(shown[_pixels(picture)]).stem, facts)
                continue
            suffix, small = compressed(picture)
            encoded = base64.b64encode(small).decode()
            if suffix == ".png":
                data["image/png"] = encoded
                output.metadata |= {"image/png": facts} if facts else {}
            else:
                data["text/html"] = _image(f"data:image/webp;base64,{encoded}", "picture", facts)
    nbformat.validate(notebook)
    nbformat.write(notebook, target)


def _image(address: str, alternative: str, facts: dict) -> str:
    size = "".join(f' {name}="{facts[name]}"' for name in ("width", "height") if name in facts)
    return f'<img src="{address}" alt="{alternative}"{size}>'
