"""What a training step costs: images per second, and how near it comes to the matrix products of the machine.

What is measured is the loop of a real run (`Training.epochs`) on random images.
"""

import math
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from lprior.benchmark.timing import alternate, cell, machine, markdown, ratios, summary, timed
from lprior.config import RunConfig, resolve
from lprior.data import DATASETS, to_float
from lprior.device import check_memory, choose_device, memory_bytes, peak_memory_bytes
from lprior.errors import UserError
from lprior.settings import parse_settings
from lprior.streams import generator
from lprior.training import memory
from lprior.training.configured import start
from lprior.training.engine import choose_engine
from lprior.training.loop import Training

EPOCH = 60_000  # images, of which an epoch of that data set consists
PRECISIONS = {"auto": None, "float32": False, "bfloat16": True}  # as `start` takes them
# Rows and columns of the square matrices whose product is the machine's peak: so large that starting the product and
# filling the caches cost nothing, small enough to take a fraction of a second.
PEAK_SIZE = {"cpu": 2048, "cuda": 8192}


@dataclass(frozen=True)
class Variant:
    """One of the things that are measured."""

    name: str
    config: RunConfig
    engine: str = "auto"
    precision: str = "auto"


def parse_variant(text: str, base: dict | None = None) -> Variant:
    """From "lpaae" or "lpaae:engine=graph,width=32": an algorithm, and how it differs from `base` and from `quick`.

    A name is dataset, preset, engine, precision or anything that `config.resolve` can change; random images have
    the shape of those of the data set. Raises UserError for a wrong name.
    """
    algorithm, _, rest = text.partition(":")
    changes = {"dataset": "mnist", "preset": "quick", **(base or {}), **parse_settings(rest, f"the variant {text!r}")}
    preset, engine, precision = (changes.pop(name, "auto") for name in ("preset", "engine", "precision"))
    if precision not in PRECISIONS:
        raise UserError(f"precision {precision!r} is unknown: choose one of {', '.join(PRECISIONS)}")
    return Variant(text, resolve(algorithm, preset=preset, **changes), engine, precision)


def bench(variants: Iterable[Variant], device: str = "auto", repeats: int = 5, seconds: float = 2.0,
          peak_size: int | None = None) -> dict:  # fmt: skip
    """Measure the variants in turns, `repeats` times for about so many seconds each. Plain values, ready for JSON.

    `flops_per_step` are counted by torch in an eager step: convolutions and matrix products, forward and backward.
    `share_of_peak` compares them, turn by turn, with the product of two square matrices in the same precision. On a CPU
    `peak_memory_bytes` are those of the whole process up to then.
    """
    variants = list(variants)
    if repeats < 1:
        raise UserError(f"repeats must be at least 1, not {repeats}")
    if not 0 < seconds < math.inf:
        raise UserError(f"seconds must be more than 0, and a number, not {seconds}")
    if len({variant.name for variant in variants}) < len(variants):
        raise UserError("two of the variants are the same: name each once")
    target = choose_device(device)
    for variant in variants:  # all that may be refused, before the first is measured
        choose_engine(variant.engine, target)
        memory.check(variant.config, target, measured=False)
    size = peak_size or PEAK_SIZE[target.type]
    trials = {variant.name: Trial(variant, target, seconds) for variant in variants}
    contenders = {name: trial.seconds_per_step for name, trial in trials.items()}
    for dtype in {trial.dtype for trial in trials.values()}:
        contenders[str(dtype)] = lambda dtype=dtype: product_seconds(target, dtype, size)
    times = alternate(contenders, repeats)

    first, rows = times[next(iter(trials))], []
    for name, trial in trials.items():
        peaks = [2 * size**3 / t for t in times[str(trial.dtype)]]
        rows.append(trial.describe(times[name], peaks) | {"times_faster_than_first": ratios(first, times[name])})
    return {
        "machine": machine(target), "repeats": repeats, "seconds_per_repeat": seconds,
        "peak": f"product of two {size} x {size} matrices", "variants": rows,
    }  # fmt: skip


class Trial:
    """A variant in training on random images, so many that an epoch of them takes about `seconds`."""

    def __init__(self, variant: Variant, device: torch.device, seconds: float):
        self.variant, config = variant, variant.config
        before = _forget_peak_memory(device)
        self.training = start(config, device, variant.engine, PRECISIONS[variant.precision])
        self.images = self._random_images(1)
        self.flops = flops(self.training, to_float(self.images))
        self._epoch()  # captures the step, if it is to be captured
        self.memory = peak_memory_bytes(device) - before
        self.launches = launches(self.training, to_float(self.images)) if device.type == "cuda" else {}
        self.images = self._random_images(3)
        self.images = self._random_images(max(1, round(seconds / self.seconds_per_step())))

    @property
    def dtype(self) -> torch.dtype:
        """Of most of the step's products."""
        return torch.bfloat16 if self.training.bfloat16 else torch.float32

    def seconds_per_step(self) -> float:
        """Measured over an epoch, as the training itself logs it."""
        return self._epoch()["seconds"] * self.training.batch_size / len(self.images)

    def describe(self, times: list[float], peaks: list[float]) -> dict:
        """What the seconds per step of all turns mean beside the FLOP/s of matrix products in the same turns."""
        config, rates = self.variant.config, [self.flops / t for t in times]
        return {
            "name": self.variant.name,
            "algorithm": config.algorithm, "networks": config.networks, "width": config.width,
            "batch_size": config.batch_size, "engine": self.training.engine.name,
            "precision": str(self.dtype).removeprefix("torch."),
            "seconds_per_step": summary(times),
            "images_per_second": summary([config.batch_size / t for t in times]),
            "seconds_per_epoch": summary([EPOCH // config.batch_size * t for t in times]),
            "flops_per_step": self.flops,
            "flops_per_second": summary(rates),
            "peak_flops_per_second": summary(peaks),
            "share_of_peak": ratios(rates, peaks),
            "peak_memory_bytes": self.memory,
            **self.launches,
        }  # fmt: skip

    def _epoch(self) -> dict:
        return next(self.training.epochs(self.images, self.training.epoch + 1))

    def _random_images(self, steps: int) -> Tensor:
        size, channels = self.variant.config.image_size, DATASETS[self.variant.config.dataset].channels
        shape = (steps * self.training.batch_size, channels, size, size)
        check_memory(math.prod(shape), memory_bytes(self.training.device), f"images for {steps:,} steps")
        random = torch.randint(256, shape, generator=generator(0, "bench", 0), dtype=torch.uint8)
        return random.to(self.training.device)


def flops(training: Training, x: Tensor) -> int:
    """FLOPs of convolutions and matrix products in one eager step on images x; a multiply-add counts as two."""
    from torch.utils.flop_counter import FlopCounterMode

    counter, everything = FlopCounterMode(display=False), nullcontext()
    # Not by module: the hooks for that fail where parameters are a module's input, as in spectral_norm.
    everything.parents = {"Global"}
    counter.mod_tracker = everything
    with counter:
        training.engine.eager(**training.inputs(x))
    return counter.get_total_flops()


def product_seconds(device: torch.device, dtype: torch.dtype, size: int) -> float:
    """Seconds of a product of two square matrices, measured over a quarter of a second, or one product.

    In float32 on a GPU with TF32 if convolutions use it, as they do by default.
    """
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    try:
        count = max(1, round(0.25 / timed(lambda: left @ right, device)))  # the first also wakes the machine up
        return timed(lambda: [left @ right for _ in range(count)], device) / count
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def launches(training: Training, x: Tensor) -> dict[str, int]:
    """What one step on a GPU asks the driver for: kernels one by one, and graphs."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        timed(lambda: training.train_step(x), training.device)
    counts = {event.key: event.count for event in profiler.key_averages()}
    kernels = sum(count for key, count in counts.items() if key.startswith(("cudaLaunchKernel", "cuLaunchKernel")))
    return {"kernel_launches": kernels, "graph_replays": counts.get("cudaGraphLaunch", 0)}


def table(measured: dict) -> str:
    """What `bench` measured, as a Markdown table of medians with their range."""
    columns = {
        "images/s": ("images_per_second", ",.0f"),
        f"s per {EPOCH:,} images": ("seconds_per_epoch", ".2f"),
        "GFLOP per step": ("flops_per_step", ".2f", 1e9),
        "GFLOP/s": ("flops_per_second", ",.1f", 1e9),
        "peak GFLOP/s": ("peak_flops_per_second", ",.1f", 1e9),
        "share of peak": ("share_of_peak", ".1%"),
        "memory MB": ("peak_memory_bytes", ",.0f", 1e6),
        "times faster": ("times_faster_than_first", ".2f"),
        "kernel launches": ("kernel_launches", "d"),
        "graph replays": ("graph_replays", "d"),
    }
    rows = measured["variants"]
    columns = {title: column for title, column in columns.items() if column[0] in rows[0]}
    lines = [
        [row["name"], row["engine"], row["precision"], *(cell(row[key], *form) for key, *form in columns.values())]
        for row in rows
    ]
    where = ", ".join(f"{key} {value}" for key, value in measured["machine"].items())
    note = f"{where}; peak: {measured['peak']}; median (smallest to largest) of {measured['repeats']}"
    return f"{markdown(['variant', 'engine', 'precision', *columns], lines)}\n\n{note}"


def _forget_peak_memory(device: torch.device) -> int:
    """Bytes that are in use on a GPU, above which its peak is measured anew; 0 on a CPU, where the process has one."""
    if device.type != "cuda":
        return 0
    torch.cuda.reset_peak_memory_stats(device)
    return torch.cuda.memory_allocated(device)
