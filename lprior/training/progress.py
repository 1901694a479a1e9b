"""How a run tells of its progress: one line per epoch, or a bar and live samples for a person who watches."""

import base64
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image


class Lines:
    """One line per epoch: for logs, papermill and pipes. `done`: finished epochs, of `last`.

    `every`: so many mini-batches lie between two looks at the samples in the first epoch; 0: nobody looks.
    """

    done, last, every = 0, 0, 0

    def begin(self, done: int, last: int) -> None:
        """Called before anything is trained or measured."""
        self.done, self.last = done, last
        if 0 < done < last:
            print(f"going on after epoch {done} of {last}", flush=True)

    def batches(self, batches: Iterable, count: int, epoch: int) -> Iterable:
        """Passes on the batches of an epoch."""
        return batches

    def picture(self, sheet: Image.Image, caption: str) -> None:
        """Called with samples before training, and every so many mini-batches of the first epoch."""

    def epoch(self, row: dict, last: int, frame: Path) -> None:
        """Called with the log's row of each finished epoch and the picture of its samples, in the run's `frames`."""
        self.done = row["epoch"]
        print(f"{frame.parents[1].name}  {summary(row, last)}", flush=True)

    def measure(self, part: str = "") -> None:
        """Called when training is over, and before each part of what is then measured, with its name."""

    def close(self, finished: bool) -> None:
        """Called in the end, whatever that is."""


def summary(row: dict, last: int) -> str:
    """An epoch in a line."""
    losses = "  ".join(f"{name} {value:.4g}" for name, value in row.items() if name.startswith("L_"))
    return f"epoch {row['epoch']}/{last}  {losses}  {row['seconds']:.1f} s"


class Live(Lines):
    """One bar over the whole run. In a notebook the samples are above it, with a line below them, and go when the run
    is finished: what is then shown of it has them, too."""

    every = 100

    def __init__(self) -> None:
        self._bar: Any = None
        self._display: Any = None

    def batches(self, batches: Iterable, count: int, epoch: int) -> Iterable:
        if self._bar is None:
            self._bar = _bar(self.last * count, self.done * count)
        self._bar.set_description_str(f"epoch {epoch}/{self.last}")
        for batch in batches:
            yield batch
            self._bar.update()

    def picture(self, sheet: Image.Image, caption: str) -> None:
        if not _in_notebook():
            return
        from IPython.display import HTML, display

        shown = HTML(_figure(sheet, caption))
        if self._display is None:
            self._display = display(shown, display_id=True)
        else:
            self._display.update(shown)

    def epoch(self, row: dict, last: int, frame: Path) -> None:
        from tqdm.auto import tqdm

        if not _in_notebook():
            with tqdm.external_write_mode():
                super().epoch(row, last, frame)
            return
        self.done = row["epoch"]
        self.picture(Image.open(frame), summary(row, last))

    def measure(self, part: str = "") -> None:
        if self._bar is None:  # all epochs were there
            self._bar = _bar(1, 1)
        self._bar.bar_format = "{desc} {bar}"
        self._bar.set_description_str(f"measuring: {part}" if part else "measuring")

    def close(self, finished: bool) -> None:
        if self._bar is not None:
            self._bar.close()
        if finished and self._display is not None:
            from IPython.display import HTML

            self._display.update(HTML(""))


def _bar(total: int, done: int) -> Any:
    from tqdm.auto import tqdm

    form = "{desc} {bar} {remaining} left, then measuring"
    return tqdm(total=total, initial=done, bar_format=form, leave=False, dynamic_ncols=True)


def _in_notebook() -> bool:
    """Not in IPython's terminal, which shows no pictures."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell is not None and shell.has_trait("kernel")


def _figure(sheet: Image.Image, caption: str) -> str:
    from lprior.tiles import png

    data = base64.b64encode(png(sheet)).decode()
    return f'<img src="data:image/png;base64,{data}" width="420"><div>{caption}</div>'
