"""What a call of the workflow must not destroy, and what it leaves behind when it fails."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lprior.errors import UserError

if TYPE_CHECKING:
    from lprior.results import RunFolder


class WorkflowError(UserError):
    """With an exit code of its own."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


def refuse_changed(folder: Path, runs: list[str]) -> None:
    """Raises UserError if one of the runs is in `folder` with other settings, with more epochs than are asked for, or
    trained elsewhere and not measured yet.

    Snakemake would delete what such a run had made before the run itself could refuse.
    """
    from lprior.config import resolve
    from lprior.results import RunFolder
    from lprior.runs import parse_run

    found = []
    for name in runs:
        held = RunFolder(folder / name)
        if (held / "config.json").exists():
            changed = _changes(held, resolve(**parse_run(name), preset=folder.name).to_dict())
            found += [f"{held.path} holds a run with other settings ({'; '.join(changed)})"] if changed else []
            if held.trained and not (held / "metrics.json").exists() and _epochs(held) == 0:
                measured = f"python -m lprior evaluate {held.path} measures"
                found.append(f"{held.path} holds a trained run without its checkpoint, which {measured}")
    if found:
        others = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise UserError(f"{found[0]}{others}: rename the folder to keep it, or start over with --force")


def _changes(held: "RunFolder", asked: dict[str, Any]) -> list[str]:
    """"name old -> new" for each setting, and for epochs if the folder has more than are asked for, or is finished and
    has no checkpoint to go on from."""
    from lprior.results import flat

    made = held.config().to_dict()
    old, new = (flat(values) | {"epochs": 0} for values in (made, asked))
    changed = [f"{name} {old.get(name)} -> {new.get(name)}" for name in old | new if old.get(name) != new.get(name)]
    epochs = _epochs(held) if made["epochs"] != asked["epochs"] else asked["epochs"]
    if epochs > asked["epochs"]:
        changed.append(f"epochs {epochs} -> {asked['epochs']}")
    elif epochs == 0 and (held / "metrics.json").exists():
        changed.append(f"epochs {made['epochs']} -> {asked['epochs']}, without a checkpoint")
    return changed


def _epochs(held: "RunFolder") -> int:
    """That its newest good checkpoint has."""
    from lprior import checkpoints
    from lprior.results import CHECKPOINTS

    for name in CHECKPOINTS:
        with suppress(checkpoints.Damaged):
            if (held / name).exists():
                return len(checkpoints.load(held / name)[1]["log"])
    return 0


def diverged_since(started: float, folder: Path, runs: list[str]) -> dict[str, str]:
    """Run -> what it said, of the runs that diverged since that time."""
    from lprior.results import DIVERGED

    files = {name: folder / name / DIVERGED for name in runs}
    recent = {name: path for name, path in files.items() if path.exists() and path.stat().st_mtime >= started}
    return {name: path.read_text().strip() for name, path in recent.items()}


@contextmanager
def keeping(pdf: Path, folder: Path, runs: list[str], tracked: bool = False) -> Iterator[None]:
    """While a report is made anew. If that fails, one of an earlier state of the runs is put aside as
    <name>.old.pdf, with a line that says so; one that is `tracked` stays as it was."""
    old, started = pdf.with_suffix(".old.pdf"), time.time()
    if pdf.exists():
        shutil.copy2(pdf, old)
    try:
        yield
    except BaseException:
        if not old.exists():
            pass
        elif tracked:
            os.replace(old, pdf)
        elif pdf.exists() and (pdf.stat().st_mtime >= started or _up_to_date(pdf, folder, runs)):
            old.unlink()
        else:
            pdf.unlink(missing_ok=True)
            print(f"the report of an earlier state of these runs is kept as {old}", flush=True)
        raise
    old.unlink(missing_ok=True)


def _up_to_date(pdf: Path, folder: Path, runs: list[str]) -> bool:
    sources = [folder / name / "metrics.json" for name in runs]
    written = Path("build", f"report-{folder.name}", "values.tex")
    sources += [written] if written.exists() else []
    return all(path.exists() and path.stat().st_mtime <= pdf.stat().st_mtime for path in sources)
