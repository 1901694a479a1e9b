"""How long imports take, from `python -X importtime`, and which slow packages each brings along."""

import argparse
import subprocess
import sys
from pathlib import Path

from common import report, run

from lprior.benchmark.timing import summary

MODULES = ("lprior", "lprior.__main__", "lprior.training.loop", "lprior.training.run", "lprior.report.document")
SLOW = ("torch", "torchvision", "torch_fidelity", "sklearn", "scipy", "matplotlib", "pandas", "papermill", "mlxtend")


def import_times(module: str) -> dict[str, float]:
    """Seconds that a fresh interpreter spends on each import that `module` brings along, its own imports included."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {module}"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    parts = [line.removeprefix("import time:").split("|") for line in lines[1:] if line.startswith("import time:")]
    return {name.strip(): int(cumulative) / 1e6 for _, cumulative, name in parts}


def measure(module: str, repeats: int) -> dict:
    found = [import_times(module) for _ in range(repeats)]
    # A package's modules are listed before it: what is not below another import of ours is the sum of both.
    whole = [times[module] + (times["lprior"] if module != "lprior" else 0) for times in found]
    slow = [name for name in SLOW if name in found[-1]]
    return {"name": module, "seconds": summary(whole), "slow": ", ".join(slow) or "-"}


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=5, help="interpreters started for each module (default: 5)")
    options.add_argument("--output", type=Path, default=Path(__file__).parent / "results", help="folder for the JSON")
    options = options.parse_args(arguments)
    options.device = "cpu"
    rows = [measure(module, options.repeats) for module in MODULES]
    report("import_time", rows, options, {"seconds": ("seconds", ".2f"), "slow packages": ("slow", "")})


if __name__ == "__main__":
    run(main)
