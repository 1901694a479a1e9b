"""Metrics into the folder of a run that is trained, whether it has been measured before or not."""

from collections.abc import Callable

from lprior.data import Dataset
from lprior.errors import UserError
from lprior.evaluation.measurement import measure
from lprior.model import SHEET, Model
from lprior.provenance import code_sha256
from lprior.results import MEASURED, MEASURED_BEFORE, MEASURED_FEW, MIXTURE_SHEET, RunFolder


def record(
    model: Model, train: Dataset, test: Dataset, result: RunFolder, whole: bool = True,
    tell: Callable[[str], object] = lambda part: None,
) -> dict:  # fmt: skip
    """Measure the model of a run, write the metrics and the control's sheet into its folder, which the caller holds,
    and into its provenance by which code; the metrics. `whole` and `tell`: see `measure`; if not whole, they are in
    glance.json. Raises TrainingDiverged if samples are no finite numbers, UserError for what cannot be written."""
    from lprior.tiles import sheet

    if whole:
        (result / MIXTURE_SHEET).unlink(missing_ok=True)  # of fewer epochs; and now there may be none
    values = measure(
        model, train, test, whole, tell, lambda images: result.write(MIXTURE_SHEET, sheet(images[:SHEET]).save)
    )
    result.write_json(MEASURED if whole else MEASURED_FEW, values)
    for name in (MEASURED_BEFORE, *([MEASURED_FEW] if whole else [])):
        (result / name).unlink(missing_ok=True)
    record_code(result)
    return values


def record_code(result: RunFolder) -> None:
    """Write into the provenance of a run, whose folder the caller holds, that the code of now measured it."""
    made = result.read_json("provenance.json")
    code = made.get("code_sha256", {}) | {"evaluation": code_sha256()["evaluation"]}
    result.write_json("provenance.json", made | {"code_sha256": code})


def refuse_other_data(result: RunFolder, train: Dataset) -> None:
    """Raises UserError if the training images at hand are not those that the run was trained on."""
    if train.sha256 != result.read_json("provenance.json")["data_sha256"]:
        raise UserError(f"{result.path} was trained on other images than the {train.name} at hand: cannot measure it")
