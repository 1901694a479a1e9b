"""Seconds that a person waits: for the first picture and the end of Run All, of it once more, and for samples of a
published run.

    python benchmarks/first_picture.py [NAME=VALUE ...]     # parameters of notebooks/original_paper.ipynb

In a kernel of its own and a folder of its own; the start of the kernel counts, imports too. So does whatever else the
machine does: the file has the load at the end, and the number of cores.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from common import report
from common import run as told
from nbclient import NotebookClient

from lprior.settings import parse_assignments

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "original_paper.ipynb"


class Watch(NotebookClient):
    """Notes when a picture arrives, new or in the place of another."""

    def process_message(self, msg, cell, cell_index):
        data = msg["content"].get("data", {})
        if "image/png" in data or "data:image/png" in data.get("text/html", ""):
            self.pictures = [*getattr(self, "pictures", []), time.perf_counter()]
        return super().process_message(msg, cell, cell_index)


def run_all(notebook: nbformat.NotebookNode) -> tuple[float, float]:
    """Seconds to the first picture and to the end."""
    started = time.perf_counter()
    watch = Watch(notebook, timeout=None, resources={"metadata": {"path": "."}})
    watch.execute()
    return watch.pictures[0] - started, time.perf_counter() - started


def sample(output: Path) -> float:
    """Seconds of the command."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "lprior", "sample", "mnist-lpaae-s0", str(output)], check=True)
    return time.perf_counter() - started


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("changes", nargs="*", metavar="NAME=VALUE", help="parameters of the notebook")
    options.add_argument("--output", type=Path, default=Path(__file__).parent / "results", help="folder for the JSON")
    options = options.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        given = {"folder": f"{folder}/run", "dataset": "mnist5k"} | parse_assignments(
            options.changes, "first_picture.py"
        )
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        parameters = next(cell for cell in notebook.cells if "tags" in cell.metadata)
        parameters.source += "".join(f"\n{name} = {value!r}" for name, value in given.items())
        (first, all_), (_, again) = run_all(notebook), run_all(notebook)
        found = {"first picture": first, "end of Run All": all_, "Run All once more": again}
        found["`python -m lprior sample`"] = sample(Path(folder) / "sheet.png")
    options.device, options.cores, options.load = "auto", os.cpu_count(), round(os.getloadavg()[0], 1)
    rows = [{"name": name, "seconds": seconds} for name, seconds in found.items()]
    report("first_picture", rows, options, {"seconds": ("seconds", ".1f")})


if __name__ == "__main__":
    told(main)
