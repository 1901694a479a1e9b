"""A run as a notebook has it: what is finished is shown as it is, and what is missing is made while one watches."""

from dataclasses import replace
from pathlib import Path

from lprior import stored
from lprior.config import RunConfig
from lprior.errors import UserError
from lprior.model import load
from lprior.notebooks.configuration import Asked
from lprior.provenance import code_note
from lprior.results import MEASURED, RunFolder, scratch_folder
from lprior.training.progress import Lines, Live
from lprior.training.run import run

PICTURES = ("samples", "evolution", "reconstructions", "neighbours")


def obtain(asked: Asked, folder: str | Path | None = None, whole: bool = False, force: bool = False) -> RunFolder:
    """The finished run that is asked for, in `folder`, by default one in results/interactive for these settings.

    A finished one is neither trained nor measured again, unless it was made by other code; one of more epochs than are
    asked for is shown too, with a line that says so. `whole`: measured as the report needs it (`evaluation.measure`).
    `force` starts over. Raises UserError for what a person can mend, and where a person stops it.
    """
    config, result = asked.config, RunFolder(folder or scratch_folder(asked.config))
    if not force and _is_finished(result, config, whole):
        if (epochs := result.config().epochs) > config.epochs:
            print(f"shown is the run in {result.path}, of {epochs} epochs; epochs={config.epochs} needs force=True")
        return result
    progress = Live() if asked.live else Lines()
    whole = whole or (not force and (result / MEASURED).exists())  # as it was measured before
    try:
        return run(config, result.path, device=asked.device, progress=progress, force=force, whole=whole)
    except KeyboardInterrupt:
        at = f"after epoch {progress.done} of {progress.last}" if progress.last else "before the first epoch"
        raise UserError(f"stopped {at}; Run All goes on from there") from None


def _is_finished(result: RunFolder, config: RunConfig, whole: bool) -> bool:
    """Whether it holds the run, of as many epochs or more, made by the present code, with every file in order."""
    try:
        made = result.config()
        result.read_json(MEASURED) if whole else result.metrics()
        result.log()
        load(result.path)
        for name in PICTURES:
            stored.read_picture(result.still(name))
        note = code_note(result.read_json("provenance.json"))
    except UserError:
        return False
    return replace(made, epochs=config.epochs) == config and made.epochs >= config.epochs and not note
