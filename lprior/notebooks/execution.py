"""Runs a notebook with papermill, strictly: wrong parameters and settings are refused before a kernel starts, and the
executed notebook appears only when every cell has run."""

import ast
import difflib
import logging
import os
import sys
from pathlib import Path
from typing import Any

from lprior.algorithms import ALGORITHMS
from lprior.errors import UserError
from lprior.notebooks.configuration import DECIDING, configure

TYPES = {"str": str, "int": int, "float": (float, int), "bool": bool, "None": type(None)}


def execute(notebook: str | Path, output: str | Path, parameters: dict[str, Any]) -> None:
    """Execute `notebook` in the current folder with `parameters`, which its `parameters` cell must declare.

    While it runs, and if it fails, the notebook is at `<output stem>.running.ipynb` or `.failed.ipynb`. Raises
    UserError for a parameter of unknown name or wrong type, for an algorithm's notebook also if its configuration does
    not resolve, and, naming the kept notebook, if a cell fails.
    """
    import papermill
    from papermill.exceptions import PapermillException

    if not Path(notebook).exists():
        raise UserError(f"notebook {notebook} does not exist")
    check_parameters(declared_parameters(notebook), parameters, Path(notebook).name)
    check_configuration(Path(notebook).name, default_parameters(notebook) | parameters)

    logging.getLogger("papermill").setLevel(logging.ERROR)  # its own, weaker check warns where ours has passed
    output = Path(output)
    running, failed = output.with_suffix(".running.ipynb"), output.with_suffix(".failed.ipynb")
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(
            str(notebook), str(running), parameters, cwd=os.getcwd(), progress_bar=False,
            stdout_file=sys.stdout, stderr_file=sys.stderr, iopub_timeout=60, request_save_on_cell_execute=False,
            extra_arguments=["--log-level=CRITICAL"],  # the kernel's: else it tells how papermill talks to and ends it
        )  # fmt: skip
    except (PapermillException, RuntimeError) as error:
        if running.exists():
            os.replace(running, failed)
        cause = f"{getattr(error, 'ename', type(error).__name__)}: {getattr(error, 'evalue', error)}"
        raise UserError(f"{cause}\nthe failed notebook is kept as {failed}") from error
    failed.unlink(missing_ok=True)
    os.replace(running, output)


def declared_parameters(notebook: str | Path) -> dict[str, str]:
    """Name -> type of each parameter."""
    return {one.target.id: ast.unparse(one.annotation) for one in _assignments(notebook)}


def default_parameters(notebook: str | Path) -> dict[str, Any]:
    """Name -> value that each parameter has in the notebook as it is."""
    return {one.target.id: one.value.value for one in _assignments(notebook)}


def _assignments(notebook: str | Path) -> list[ast.AnnAssign]:
    """The annotated assignments of literals in the cell tagged `parameters`.

    `papermill.inspect_notebook` does not see annotations such as `int | None`, and skips what it cannot read. Raises
    UserError if there is no such cell or if it holds anything else.
    """
    import nbformat

    cells = nbformat.read(notebook, as_version=4).cells
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise UserError(f"{notebook} has {len(tagged)} cells tagged 'parameters' instead of one")
    statements = ast.parse(tagged[0]).body
    for statement in statements:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.value, ast.Constant):
            raise UserError(f"{notebook}: '{ast.unparse(statement)}' is not of the form 'name: type = literal'")
    return statements


def check_parameters(declared: dict[str, str], given: dict[str, Any], notebook: str) -> None:
    """Compare parameters with the declared types, such as "int | None". Raises UserError at the first misfit."""
    for name, value in given.items():
        if name not in declared:
            close = difflib.get_close_matches(name, declared, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(declared)}"
            raise UserError(f"{notebook} has no parameter {name!r}: {hint}")
        words = [word.strip() for word in declared[name].split("|")]
        boolean = isinstance(value, bool)
        if boolean != ("bool" in words) or not any(isinstance(value, TYPES[word]) for word in words):
            raise UserError(f"parameter {name} of {notebook} must be {' or '.join(words)}, not {value!r}")


def check_configuration(notebook: str, parameters: dict[str, Any]) -> None:
    """Resolve the configuration that an algorithm's notebook would. Raises UserError as `config.resolve` does."""
    for name, algorithm in ALGORITHMS.items():
        if algorithm.notebook == notebook and parameters.keys() >= {*DECIDING}:
            configure(name, **{key: parameters[key] for key in DECIDING})
