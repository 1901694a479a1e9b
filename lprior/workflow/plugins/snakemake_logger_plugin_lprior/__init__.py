"""What Snakemake says while ./run_all.sh is at work: one line for each step that is finished, with its result.

    [3/13] mnist-aae-s0  FID 7.1  12:48

and, in a terminal, a last line with what is under way.

A plugin of Snakemake's, which finds it by its name; the folder above is on its path (`workflow/jobs.py`).
"""

import logging
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from tqdm import tqdm

from lprior.workflow.options import TARGETS
from lprior.workflow.steps import cause, outcome, title, under_way


@dataclass
class Step:
    """A job: what it is called, what it makes, and where its own words are."""

    title: str
    outputs: list[Path]
    log: Path | None
    started: float

    @property
    def state(self) -> str:
        return under_way(self.title, self.log, time.monotonic() - self.started)

    @property
    def time(self) -> str:
        minutes, seconds = divmod(round(time.monotonic() - self.started), 60)
        return f"{minutes}:{seconds:02}"


class LogHandler(LogHandlerBase):
    """Lines on stdout, failures on stderr. Of Snakemake's own messages only errors, in the end, if no step failed."""

    writes_to_stream, writes_to_file = True, False
    has_filter, has_formatter, needs_rulegraph = True, True, False

    def __post_init__(self) -> None:
        self.steps: dict[int, Step] = {}
        self.done, self.total, self.failed = 0, 0, False
        self.errors: list[str] = []
        terminal = sys.stdout.isatty()
        self.live = tqdm(bar_format="{desc}", leave=False, dynamic_ncols=True, disable=not terminal, file=sys.stdout)
        self.ended = Event()
        if terminal:
            Thread(target=self._tell, daemon=True).start()

    def _tell(self) -> None:
        """Every second, in the last line of the terminal, what is under way."""
        while not self.ended.wait(1.0):
            with suppress(OSError):  # a terminal that is gone
                self.live.set_description_str("; ".join(step.state for step in [*self.steps.values()]))

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO:
            self.total = record.stats["total"] - sum(record.stats.get(target, 0) for target in TARGETS)
        elif event == LogEvent.JOB_INFO and record.rule_name not in TARGETS:
            outputs, log = map(Path, record.output), Path(record.log[0]) if record.log else None
            name = title(record.rule_name, record.wildcards)
            self.steps[record.jobid] = Step(name, [*outputs], log, time.monotonic())
        elif event == LogEvent.JOB_FINISHED and record.job_id in self.steps:
            step, self.done = self.steps.pop(record.job_id), self.done + 1
            tqdm.write(f"[{self.done}/{self.total}] {step.title}  {outcome(step.outputs)}  {step.time}", sys.stdout)
            sys.stdout.flush()
        elif event == LogEvent.JOB_ERROR and record.jobid in self.steps:
            step, self.failed = self.steps.pop(record.jobid), True
            tqdm.write(f"[failed] {step.title}  {cause(step.log)}  {step.time}", sys.stderr)
            sys.stderr.flush()
        elif record.levelno >= logging.ERROR:
            self.errors.append(record.getMessage())

    def close(self) -> None:
        self.ended.set()
        self.live.close()
        if self.errors and not self.failed:
            print(*self.errors, sep="\n", file=sys.stderr, flush=True)
        super().close()
