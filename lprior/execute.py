"""Runs a notebook with papermill, strictly: wrong parameters are refused before a kernel starts, and the executed
notebook appears only when every cell has run."""

import os
import sys
from pathlib import Path
from typing import Any

from lprior.errors import UserError

TYPES = {"str": str, "int": int, "float": (float, int), "bool": bool, "None": type(None)}


def execute(notebook: str | Path, output: str | Path, parameters: dict[str, Any]) -> None:
    """Execute `notebook` in the current folder with `parameters`, which its `parameters` cell must declare.

    While it runs, and if it fails, the notebook is at `<output stem>.running.ipynb` or `.failed.ipynb`. Raises UserError
    for a parameter of unknown name or wrong type, and, naming the kept notebook, if a cell fails.
    """
    import papermill
    from papermill.exceptions import PapermillException

    if not Path(notebook).exists():
        raise UserError(f"notebook {notebook} does not exist")
    check_parameters(papermill.inspect_notebook(str(notebook)), parameters, Path(notebook).name)

    output = Path(output)
    running, failed = output.with_suffix(".running.ipynb"), output.with_suffix(".failed.ipynb")
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(
            str(notebook), str(running), parameters, cwd=os.getcwd(), progress_bar=False,
            stdout_file=sys.stdout, stderr_file=sys.stderr, iopub_timeout=60, request_save_on_cell_execute=False,
        )  # fmt: skip
    except (PapermillException, RuntimeError) as error:
        if running.exists():
            os.replace(running, failed)
        cause = f"{getattr(error, 'ename', type(error).__name__)}: {getattr(error, 'evalue', error)}"
        raise UserError(f"{cause}\nthe failed notebook is kept as {failed}") from error
    failed.unlink(missing_ok=True)
    os.replace(running, output)


def check_parameters(declared: dict, given: dict[str, Any], notebook: str) -> None:
    """Compare parameters with what `papermill.inspect_notebook` found. Raises UserError at the first that does not fit."""
    for name, value in given.items():
        if name not in declared:
            raise UserError(f"{notebook} has no parameter {name!r}; it has {', '.join(declared)}")
        words = [word.strip() for word in declared[name]["inferred_type_name"].split("|")]
        kinds = tuple(TYPES[word] for word in words)
        boolean = isinstance(value, bool)
        if boolean != ("bool" in words) or not any(isinstance(value, kind) for kind in kinds):
            raise UserError(f"parameter {name} of {notebook} must be {' or '.join(words)}, not {value!r}")
