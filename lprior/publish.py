"""What is published of a run."""

import shutil
from pathlib import Path

from lprior.results import RunFolder
from lprior.runs import STUDIES

PUBLISHED = (
    "config.json", "provenance.json", "log.csv", "metrics.json", "samples.png", "evolution.png", "evolution.gif",
    "reconstructions.png", "neighbours.png", "model.safetensors", "notebook.ipynb",
)  # fmt: skip
OF_FIRST_SEED = ("evolution.png", "evolution.gif", "reconstructions.png", "neighbours.png", "notebook.ipynb")
OF_STUDIES = ("config.json", "provenance.json", "log.csv", "metrics.json")


def publish(run: "RunFolder", target: Path) -> None:
    """Copy the small files of a finished run: weights in half precision, pictures and notebook of seed 0 only, and of a
    study neither.

    Raises UserError if the run is not finished.
    """
    from safetensors.torch import load_file, save_file

    run.read_json("metrics.json")
    config = run.config()
    names = set(OF_STUDIES if config.preset in STUDIES else PUBLISHED) - set(OF_FIRST_SEED if config.seed else ())
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in sorted(names):
        if (run / name).exists():
            shutil.copy(run / name, target / name)
    if "model.safetensors" in names:
        weights = load_file(run / "model.safetensors")
        half = {key: v.half() if v.is_floating_point() else v for key, v in weights.items()}
        save_file(half, target / "model.safetensors")
