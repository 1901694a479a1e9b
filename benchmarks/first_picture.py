"""Seconds of Run All of an algorithm's notebook, as a person has it: to the first picture, and to the end.

    python benchmarks/first_picture.py [NAME=VALUE ...]     # parameters of notebooks/original_paper.ipynb

In a kernel of its own and a folder of its own; the start of the kernel counts, imports too.
"""

import sys
import tempfile
import time
from pathlib import Path

import nbformat
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


def main() -> None:
    given = parse_assignments(sys.argv[1:], "first_picture.py")
    with tempfile.TemporaryDirectory() as folder:
        given = {"folder": f"{folder}/run", "dataset": "mnist5k"} | given
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        parameters = next(cell for cell in notebook.cells if "tags" in cell.metadata)
        parameters.source += "".join(f"\n{name} = {value!r}" for name, value in given.items())
        for which in ("a new run", "the same, finished"):
            started = time.perf_counter()
            watch = Watch(notebook, timeout=None, resources={"metadata": {"path": "."}})
            watch.execute()
            first, last = watch.pictures[0] - started, time.perf_counter() - started
            print(f"{which}: first picture after {first:.1f} s, all after {last:.1f} s", flush=True)


if __name__ == "__main__":
    main()
