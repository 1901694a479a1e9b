"""What the report shows of the conditional variable: for each part a table and the control in words, and the sheets of
samples on digits."""

from pathlib import Path

from lprior.evaluation.metrics import TITLES
from lprior.figures import save_for_print
from lprior.report.control import listed, set_against
from lprior.report.difference import ENOUGH
from lprior.report.findings import in_prose
from lprior.report.frame import MIXTURE, table_of
from lprior.report.latex import OF_MODEL, Table, escape, has_control, header, missing, model_rows
from lprior.report.parts import DIGITS, Part
from lprior.results import RunFolder, flat

COLUMNS = ("FID", "score", "recall", "obeyed", "precision within", "recall within", "Q", "codes")
COMPARED = ("FID", "score", "obeyed", "recall within")
FIXED = "_fixed"  # what ends the name of a model whose prior is
BY_CLASS = TITLES["byclass10_"]
OF_S = ("variant", "seed", "condition")  # what makes a run one with s, or another seed


def conditional_table(runs: list[RunFolder], part: Part) -> Table:
    """A row for each model with s: the number of its seeds, its epochs, mean and standard deviation of `COLUMNS`."""
    rows = "".join(model_rows(_chosen(runs, part), part.conditional, COLUMNS, priors=(MIXTURE,)))
    return Table(header(COLUMNS, OF_MODEL), rows or missing("quick", len(COLUMNS)))


def control_in_words(runs: list[RunFolder], part: Part) -> str:
    """Sentences in LaTeX on each model with s and a learned prior: that against a mixture on its codes, and where they
    were measured against ten Gaussians of each class, which know s, and a fixed prior with s; of models with fewer
    seeds than are tested only if there are no others."""
    table = table_of(_chosen(runs, part))
    models = [model for model in part.conditional if len(table) and model in set(table["key"])]
    tested = [model for model in models if (table["key"] == model).sum() >= ENOUGH]
    models = tested or models
    said = []
    for model in (model for model in models if not model.endswith(FIXED)):
        ours = table, (model, "")
        said.append(set_against(*ours, (model, MIXTURE), in_prose(model), "a mixture of ten on its codes"))
        if has_control(table[table["key"] == model], BY_CLASS):
            said.append(set_against(*ours, (model, BY_CLASS), "it", "ten Gaussians of each class on them", COMPARED))
        if model + FIXED in models:
            said.append(set_against(*ours, (model + FIXED, ""), "it", "the same with a fixed prior", COMPARED))
    return " ".join(filter(None, said))


def settings_in_words(runs: list[RunFolder], part: Part) -> str:
    """What models with s have otherwise than LP-AAE without, beside s itself, in LaTeX; "" if nothing."""
    main = next((run for run in runs if run.config().model == "lpaae" and run.config().dataset in part.datasets), None)
    first = {run.config().model: run for run in reversed(_chosen(runs, part))}
    said = []
    for model in (model for model in part.conditional if main and model in first):
        here, there = flat(first[model].config().to_dict()), flat(main.config().to_dict())
        other = [
            rf"\texttt{{{escape(f'{name}={value}')}}} ({escape(str(there[name]))} without)"
            for name, value in here.items() if name in there and value != there[name] and name not in OF_S
        ]  # fmt: skip
        said += [f"{in_prose(model)} has {listed(other)}"] if other else []
    return f"Beside $s$, {'; '.join(said)}: a difference to LP-AAE without $s$ may be one of these." if said else ""


def _chosen(runs: list[RunFolder], part: Part) -> list[RunFolder]:
    return [run for run in runs if run.config().dataset in part.datasets and run.config().model in part.conditional]


def write_sheets(runs: list[RunFolder], folder: Path) -> bool:
    """The sheets of the conditional runs on digits, of first seeds, if there is a run of each kind; whether there is.

    (On CIFAR-10 such a run has a page of its own.)
    """
    chosen = [run for run in runs if run.config().dataset in DIGITS.datasets]
    first = {run.config().model: run for run in sorted(chosen, key=lambda run: run.config().seed, reverse=True)}
    if not first.keys() >= set(DIGITS.conditional):
        return False
    for model in DIGITS.conditional:
        save_for_print(first[model].still("samples"), folder / f"{model}-samples")
    return True
