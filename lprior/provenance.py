"""Where, when, with what, from what and by which code a run is made."""

import ast
import hashlib
import platform
import shutil
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from lprior.data import Dataset

PACKAGE = Path(__file__).parent
CODE = {  # what decides a run's numbers, beside the values in its config.json: files and folders of the package
    "training": (
        "algorithms", "networks", "data", "training/configured.py", "training/loop.py", "training/engine.py",
        "streams.py", "device.py", "config.py",
    ),
    "evaluation": ("evaluation", "model.py", "report/studies"),
}  # fmt: skip


def provenance(device: torch.device, dataset: Dataset, bfloat16: bool, engine: str) -> dict:
    """Where, with what and from what a run is made."""
    packages = ("torch", "torchvision", "numpy", "torch-fidelity", "papermill")
    return {
        "commit": git_commit(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in packages},
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU ({platform.machine()})",
        "threads": torch.get_num_threads(),
        "precision": "bfloat16 autocast" if bfloat16 else "float32",
        "engine": engine,
        "data": dataset.source,
        "data_title": dataset.title,
        "data_sha256": dataset.sha256,
    }


def _version(package: str) -> str:
    """"absent": where runs are only trained, not every package is needed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def git_commit() -> str:
    """The commit of the working tree, with "+" if the library differs from it; "unknown" outside a repository, and
    without git."""
    here = Path(__file__).parent
    if shutil.which("git") is None:
        return "unknown"
    answers = [
        subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True)
        for arguments in (["rev-parse", "--short=10", "HEAD"], ["status", "--porcelain", "."])
    ]
    if answers[0].returncode:
        return "unknown"
    return answers[0].stdout.strip() + ("+" if answers[1].stdout.strip() else "")


@cache
def code_sha256() -> dict[str, str]:
    """A SHA-256 sum over the code that trains, and one over the code that measures."""
    return {name: sum_of_code(PACKAGE, parts) for name, parts in CODE.items()}


def sum_of_code(package: Path, parts: Iterable[str]) -> str:
    """Over Python files, and those in folders; neither comments nor docstrings nor the layout of lines count."""
    found = hashlib.sha256()
    files = [package / part for part in parts if part.endswith(".py")]
    files += [path for part in parts if not part.endswith(".py") for path in (package / part).rglob("*.py")]
    for path in sorted(files):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                node.body = node.body[ast.get_docstring(node, clean=False) is not None :]
        found.update(f"{path.relative_to(package).as_posix()}\n{_canonical(tree)}\n".encode())
    return found.hexdigest()


def _canonical(node: object) -> str:
    """The same text in each version of Python, in which ast.dump and ast.unparse differ: of 3.11 and 3.12, at least."""
    if isinstance(node, ast.AST):
        parts = [f"{name}={_canonical(value)}" for name, value in ast.iter_fields(node) if value not in (None, [])]
        return f"{type(node).__name__}({', '.join(parts)})"
    return f"[{', '.join(map(_canonical, node))}]" if isinstance(node, list) else repr(node)


def code_note(made: dict) -> str:
    """What is to be said of the code by which a run was made, as its provenance.json has it: nothing if it is the
    present code, or that it is other code, or that nobody knows."""
    recorded, present = made.get("code_sha256", {}), code_sha256()
    if not recorded.keys() >= present.keys():
        return "made by code that was not recorded"
    sums = {name: {recorded[name]} for name in present}
    sums["training"] |= {stop.get("code_sha256", "") for stop in made.get("resumed", [])}
    other = [name for name in present if sums[name] != {present[name]}]
    return f"made by other code ({' and '.join(other)})" if other else ""


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
