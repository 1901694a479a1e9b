"""Timing on a noisy machine: what is compared takes turns, and every figure is a median with its range."""

import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch


def alternate(contenders: dict[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Call every contender in turn, `repeats` times over, every second time in reverse; each returns its seconds."""
    from tqdm import tqdm

    times = {name: [] for name in contenders}
    with tqdm(total=repeats * len(contenders), leave=False, disable=None) as bar:  # None: shown on a terminal only
        for turn in range(repeats):
            for name in list(contenders)[:: -1 if turn % 2 else 1]:
                bar.set_description(name)
                times[name].append(contenders[name]())
                bar.update()
    return times


def timed(work: Callable[[], object], device: torch.device | str = "cpu") -> float:
    """Seconds that `work()` takes, what it leaves the device to do included."""
    waits = torch.device(device).type == "cuda"
    if waits:
        torch.cuda.synchronize(device)
    started = time.perf_counter()
    work()
    if waits:
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def summary(values: list[float]) -> dict[str, float]:
    """Median, smallest and largest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def ratios(values: list[float], others: list[float]) -> dict[str, float]:
    """Summary of the quotients of two lists, turn by turn: both halves of a quotient saw the same noise."""
    return summary([value / other for value, other in zip(values, others, strict=True)])


def machine(device: torch.device | str = "cpu") -> dict:
    """The name of the device, and what else a time depends on."""
    if torch.device(device).type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        path = Path("/proc/cpuinfo")
        lines = path.read_text().splitlines() if path.exists() else []
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        name = models[0] if models else platform.processor() or platform.machine()
    return {"device": name, "threads": torch.get_num_threads(), "torch": torch.__version__}


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, ["---"] * len(header), *rows])


def cell(value: float | dict, form: str, unit: float = 1) -> str:
    """A number, or the median of a summary with its range in brackets, in the given format and unit."""
    if not isinstance(value, dict):
        return format(value if unit == 1 else value / unit, form)
    middle, low, high = (format(value[key] / unit, form) for key in ("median", "min", "max"))
    return f"{middle} ({low} to {high})"
