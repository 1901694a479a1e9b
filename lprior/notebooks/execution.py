"""Runs a notebook with papermill, strictly: wrong parameters and settings are refused before a kernel starts, and the
executed notebook appears only when every cell has run."""

import ast
import json
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from lprior import errors
from lprior.algorithms import ALGORITHMS
from lprior.device import choose_device
from lprior.errors import UserError, hint
from lprior.notebooks.configuration import DECIDING, configure
from lprior.training import memory

START = 120  # seconds that a kernel may take to start, on a machine that is busy
SOCKET = 90  # characters that the path of a socket may have, with some to spare; systems allow 104 or 108
TYPES = {"str": str, "int": int, "float": (float, int), "bool": bool, "None": type(None)}


def execute(notebook: str | Path, output: str | Path, parameters: dict[str, Any]) -> None:
    """Execute `notebook` in the current folder with `parameters`, which its `parameters` cell must declare.

    While it runs, and if it fails, the notebook is at `<output stem>.running.ipynb` or `.failed.ipynb`. Raises
    UserError for a parameter of unknown name or wrong type, for an algorithm's notebook also if its configuration does
    not resolve, and, naming the kept notebook, if a cell fails.
    """
    import papermill
    from papermill.exceptions import PapermillException

    output = Path(output)
    running, failed = output.with_suffix(".running.ipynb"), output.with_suffix(".failed.ipynb")
    if not Path(notebook).is_file():
        raise UserError(f"notebook {notebook} {'is a folder' if Path(notebook).is_dir() else 'does not exist'}")
    for path in (output, running, failed):
        if path.exists() and path.samefile(notebook):
            raise UserError(f"{notebook} would be overwritten by {output}: name another file to write")
    check_parameters(declared_parameters(notebook), parameters, Path(notebook).name)
    check_configuration(Path(notebook).name, default_parameters(notebook) | parameters)

    logging.getLogger("papermill").setLevel(logging.ERROR)  # its own, weaker check warns where ours has passed
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="lprior-kernel-") as sockets:
            papermill.execute_notebook(
                str(notebook), str(running), parameters, cwd=os.getcwd(), progress_bar=False,
                stdout_file=sys.stdout, stderr_file=sys.stderr, iopub_timeout=60, request_save_on_cell_execute=False,
                start_timeout=START, config=_connection(Path(sockets)),
                shutdown_kernel="immediate",  # when all is done or wrong; a busy kernel would not answer a request
                extra_arguments=["--log-level=CRITICAL"],  # the kernel's: else it tells how papermill ends it
            )  # fmt: skip
    except (PapermillException, RuntimeError) as error:
        if running.exists():
            os.replace(running, failed)
        name = getattr(error, "ename", type(error).__name__)
        cause = f"{name}: {getattr(error, 'evalue', error)}"
        raise _like(name)(f"{cause}\nthe failed notebook is kept as {failed}") from error
    failed.unlink(missing_ok=True)
    os.replace(running, output)


def _connection(folder: Path):
    """Sockets in `folder` where its name is short enough, else ports, of which two kernels may happen to choose one."""
    from traitlets.config import Config

    config = Config()
    if os.name == "posix" and len(str(folder.absolute() / "kernel-ipc-12345")) < SOCKET:
        config.KernelManager.transport = "ipc"
        config.KernelManager.connection_file = str(folder.absolute() / "kernel.json")
    return config


def _like(name: str) -> type[UserError]:
    """The class of `errors` that an exception in a kernel had, for its exit code; UserError if it had none of them."""
    found = getattr(errors, name, None)
    return found if isinstance(found, type) and issubclass(found, UserError) else UserError


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

    try:
        found = nbformat.from_dict(json.loads(Path(notebook).read_text()))
        nbformat.validate(found)
        tagged = ["".join(cell.source) for cell in found.cells if "parameters" in cell.metadata.get("tags", [])]
    except OSError:
        raise
    except Exception as error:  # nbformat names no common class for what another file may raise
        raise UserError(f"{notebook} is no notebook: {str(error).strip().splitlines()[0]}") from error
    if len(tagged) != 1:
        raise UserError(f"{notebook} has {len(tagged)} cells tagged 'parameters' instead of one")
    try:
        statements = ast.parse(tagged[0]).body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise UserError(f"{notebook}: the cell of parameters is not Python: {error}") from error
    for statement in statements:
        if not _is_parameter(statement):
            raise UserError(f"{notebook}: '{ast.unparse(statement)}' is not of the form 'name: type = literal'")
    return statements


def _is_parameter(statement: ast.stmt) -> bool:
    """Whether it is such an assignment, of a type that is known."""
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.value, ast.Constant):
        return False
    words = ast.unparse(statement.annotation).split("|")
    return isinstance(statement.target, ast.Name) and all(word.strip() in TYPES for word in words)


def check_parameters(declared: dict[str, str], given: dict[str, Any], notebook: str) -> None:
    """Compare parameters with the declared types, such as "int | None". Raises UserError at the first misfit."""
    for name, value in given.items():
        if name not in declared:
            there = f"it has {', '.join(declared)}"
            raise UserError(f"{notebook} has no parameter {name!r}: {hint(name, declared) or there}")
        words = [word.strip() for word in declared[name].split("|")]
        boolean = isinstance(value, bool)
        if boolean != ("bool" in words) or not any(isinstance(value, TYPES[word]) for word in words):
            raise UserError(f"parameter {name} of {notebook} must be {' or '.join(words)}, not {value!r}")


def check_configuration(notebook: str, parameters: dict[str, Any]) -> None:
    """Resolve the configuration that an algorithm's notebook would. Raises UserError as `config.resolve` does, for a
    device that is not there, and for a run that does not fit into memory."""
    for name, algorithm in ALGORITHMS.items():
        if algorithm.notebook == notebook and parameters.keys() >= {*DECIDING}:
            asked = configure(name, **{key: parameters[key] for key in DECIDING})
            memory.check(asked.config, choose_device(asked.device))
