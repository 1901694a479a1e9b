"""How a run tells of its progress: one line per epoch, or a bar and live samples for a person who watches."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Lines:
    """One line per epoch: for logs, papermill and pipes."""

    def batches(self, batches: Iterable, count: int, epoch: int) -> Iterable:
        """Passes on the batches of an epoch."""
        return batches

    def epoch(self, row: dict, last: int, frame: Path) -> None:
        """Called with the log's row of each finished epoch and the picture of its samples, in the run's `frames`."""
        losses = "  ".join(f"{name} {value:.4g}" for name, value in row.items() if name.startswith("L_"))
        print(f"{frame.parents[1].name}  epoch {row['epoch']}/{last}  {losses}  {row['seconds']:.1f} s", flush=True)


class Live(Lines):
    """A progress bar over the batches; in a notebook also the samples, replaced after each epoch."""

    def __init__(self) -> None:
        self._display: Any = None

    def batches(self, batches: Iterable, count: int, epoch: int) -> Iterable:
        from tqdm.auto import tqdm

        return tqdm(batches, total=count, desc=f"epoch {epoch}", leave=False)

    def epoch(self, row: dict, last: int, frame: Path) -> None:
        super().epoch(row, last, frame)
        if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
            from IPython.display import Image, display

            picture = Image(filename=frame, width=420)
            if self._display is None:
                self._display = display(picture, display_id=True)
            else:
                self._display.update(picture)
