"""The edition: what is published, trained and measured by one state of the code, then put where the report finds it.

`./run_all.sh --preset edition` goes on where it was, like every preset. It takes what is in results/ already, if that
is by the code of now.
"""

from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from lprior.errors import UserError

PRESET = "edition"
RESULTS, PUBLISHED = Path("results"), Path("results/published")


class Stage(NamedTuple):
    """One call of the workflow: `target` as run_all.sh takes it, seeds "" for the preset's own."""

    preset: str
    dataset: str
    target: str = "runs"
    seeds: str = ""


def stages(on_gpu: bool) -> list[Stage]:
    """In the order in which they are made; those of `full` on a GPU only."""
    from lprior.data import DATASETS
    from lprior.runs import STUDIES

    first = {spec.family: name for name, spec in reversed(DATASETS.items())}
    found = [Stage("quick", "mnist", "readings", "0 1 2 3 4")]
    beside = [f"unsupervised-s{seed}" for seed in (5, 6)] + [f"frozen-s{seed}" for seed in (0, 1, 2)]
    found += [Stage("quick", "mnist", f"mnist-lpaae-{name}") for name in beside]
    found += [Stage(name, first[study.family]) for name, study in STUDIES.items()]
    found += [Stage("quick", "cifar10", "runs", "0 1 2")]
    found += [Stage("quick", "cifar10", f"cifar10-lpaae-{variant}-s0") for variant in
              ("long", "supervised_long", "unsupervised_long")]  # fmt: skip
    return [*found, *([Stage("full", "cifar10", "runs", "0 1 2")] if on_gpu else [])]


def edition(options: Namespace, on_gpu: bool, run: Callable[[Namespace], None]) -> None:
    """Make each stage by `run`, then publish what they made. Raises UserError for what is there by other code, or if
    the library differs from its commit."""
    from lprior import provenance
    from lprior.publish import publish

    wanted = stages(on_gpu)
    if not options.dry_run and not options.force:
        if provenance.git_commit().endswith("+"):
            raise UserError("an edition is of one commit, and lprior/ has changes that are not committed")
        refuse_other_code(wanted)
    for stage in wanted:
        print(f"Edition: {stage.preset} on {stage.dataset}, {stage.target}", flush=True)
        run(Namespace(**vars(options) | stage._asdict()))
    if options.dry_run:
        return
    for stage in wanted:
        target = PUBLISHED if stage.preset == "quick" else PUBLISHED / stage.preset
        for folder in finished(stage):
            publish(folder, target)
    print(f"Published in {PUBLISHED}; ./run_all.sh --preset published builds the report of it", flush=True)


def finished(stage: Stage) -> Iterator[Path]:
    """The folders of its runs that are finished, and of the notebooks that read them."""
    from lprior.runs import runs_of

    folder = RESULTS / stage.preset
    seeds = [int(seed) for seed in stage.seeds.split()]
    names = runs_of(stage.preset, stage.dataset, seeds) if stage.target in ("runs", "readings") else [stage.target]
    yield from (folder / name for name in names if (folder / name / "metrics.json").exists())
    if stage.target == "readings":
        yield from (path.parent for path in sorted(folder.glob("*/notebook.ipynb"))
                    if not (path.parent / "config.json").exists())  # fmt: skip


def refuse_other_code(wanted: list[Stage]) -> None:
    """Raises UserError if a finished run of them was trained or measured by other code than that of now."""
    from lprior.provenance import code_note
    from lprior.results import RunFolder

    others = [
        str(folder) for stage in wanted for folder in finished(stage)
        if (folder / "config.json").exists()
        and code_note(RunFolder(folder).read_json("provenance.json"))
    ]  # fmt: skip
    if others:
        more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        raise UserError(f"{others[0]}{more} was made by other code: move it away, or start over with --force")
