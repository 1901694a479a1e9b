"""What the commands of the command line do. Heavy imports are made where they are needed: `--help` is quick."""

import json
import os
import re
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from lprior.errors import UserError
from lprior.outputs import check_file, check_folder, replace_file

SAMPLE = 8  # bytes, at least, that a pixel of a sample takes on its way into a sheet, which is in colour


def run(options: Namespace) -> None:
    from lprior.algorithms import ALGORITHMS
    from lprior.config import resolve
    from lprior.runs import parse_run
    from lprior.settings import as_settings

    named = _named(options)
    config = resolve(**named)  # refuses what is wrong before anything starts
    folder = check_folder(Path(options.results) / options.preset / options.name)
    if not options.notebook:
        from lprior.training.progress import Lines, Live
        from lprior.training.run import run as train

        progress = Live() if sys.stdout.isatty() else Lines()
        chosen = {"device": options.device, "engine": options.engine, "force": options.force}
        train(config, folder, progress=progress, unmeasured=options.unmeasured, **chosen)
        return
    if options.unmeasured:
        raise UserError("--unmeasured cannot be chosen with --notebook, which shows metrics: leave one of them out")
    if options.engine != "auto":
        raise UserError("--engine cannot be chosen with --notebook: leave one of them out")
    if not ALGORITHMS[config.algorithm].notebook:
        raise UserError(f"{config.algorithm} has no notebook: leave out --notebook")
    from lprior.clone import of_clone
    from lprior.notebooks.execution import declared_parameters, execute
    from lprior.results import RunFolder

    given = {name: value for name, value in parse_run(options.name).items() if name != "algorithm"}
    given |= {"preset": options.preset, "epochs": None, "folder": str(folder), "whole": True, "force": options.force}
    notebook = of_clone(f"notebooks/{ALGORITHMS[config.algorithm].notebook}")
    notebook = Path(os.path.relpath(notebook))  # papermill writes it into the result, where no absolute path belongs
    changes, declared = _changes(options.set), declared_parameters(notebook)
    given |= {name: value for name, value in changes.items() if name in declared}
    others = {name: value for name, value in changes.items() if name not in declared}
    given |= {"settings": as_settings(others | {"device": options.device, "live": False})}
    with RunFolder(folder).held(".lock-notebook"):  # the kernel's process holds the other one
        with RunFolder(folder).held():
            pass  # refused before a kernel starts
        execute(notebook, folder / "notebook.ipynb", given)


def trial(options: Namespace) -> None:
    from lprior.training.trials import trial

    print(json.dumps(trial(_named(options), options.why, Path(options.results), device=options.device), indent=2))


def config(options: Namespace) -> None:
    """Every value of a run, and the layer that it came from."""
    from lprior.config import explain, resolve

    named = _named(options)
    resolve(**named)  # refuses what a run would
    rows = [(name, str(value) or '""', layer) for name, (value, layer) in explain(**named).items()]
    names, values, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    for name, value, layer in rows:
        print(f"{name:{names}}  {value:{values}}  {layer}")


def _named(options: Namespace) -> dict[str, Any]:
    """The arguments of `config.resolve` for a run's name, --preset and --set."""
    from lprior.runs import parse_run

    parts, changes = parse_run(options.name), _changes(options.set)
    for name in changes.keys() & {*parts, "preset"}:
        where = "--preset" if name == "preset" else "the run's name"
        raise UserError(f"--set cannot change {name}: {where} says it")
    return {**parts, "preset": options.preset, **changes}


def notebook(options: Namespace) -> None:
    from lprior.notebooks.execution import execute

    check_file(options.output, [".ipynb"], makes_folder=True)
    execute(options.notebook, options.output, _changes(options.set))


def _changes(assignments: list[str]) -> dict[str, Any]:
    """What --set says, as often as it is there."""
    from lprior.settings import parse_assignments

    return parse_assignments(assignments, "--set")


def data(options: Namespace) -> None:
    from lprior.data import load

    train, test = load(options.dataset), load(options.dataset, split="test")
    description = {"dataset": train.name, "source": train.source}
    for split, part in (("train", train), ("test", test)):
        sums = {"sha256": part.sha256, "labels_sha256": part.labels_sha256}
        description[split] = {"shape": list(part.images.shape), **sums}
    print(json.dumps(description, indent=2))


def workflow(options: Namespace) -> None:
    from lprior import workflow

    workflow.check(options)
    if not options.check:
        workflow.run(options)


def bench(options: Namespace) -> None:
    from lprior.benchmark import step

    names = ("preset", "networks", "width", "batch_size", "engine", "precision")
    base = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    variants = [step.parse_variant(text, base) for text in options.compare or [options.algorithm]]
    if options.json:
        check_file(options.json)
    measured = step.bench(variants, options.device, options.repeats, options.seconds)
    print(step.table(measured))
    if options.json:
        replace_file(Path(options.json), (json.dumps(measured, indent=2) + "\n").encode())


def sample(options: Namespace) -> None:
    from lprior import figures
    from lprior.device import check_memory, memory_bytes
    from lprior.model import load

    model, output = load(options.folder), check_file(options.output, figures.ENDINGS)
    check_memory(options.count * SAMPLE * model.config.image_size**2, memory_bytes(model.device), "so many samples")
    s = int(options.s) if re.fullmatch(r"-?\d{1,18}", options.s or "") else options.s
    figures.save(figures.sheet(model.sample(options.count, options.seed, s)), output)
    print(f"wrote {options.count} samples of {model.config.name} to {output}")


def publish(options: Namespace) -> None:
    from lprior import publish, weights

    folders, left = {Path(run).resolve().name: Path(run) for run in options.runs}, []
    if len(folders) < len(options.runs):
        raise UserError("two of the folders have the same name, under which only one can be published")
    check_folder(options.to)
    if options.archive:
        check_file(options.archive, makes_folder=True)
    wanted = publish.archived(folders)
    for name, folder in folders.items():
        target = publish.publish(folder, Path(options.to))
        left += [name] if name in wanted and not (target / weights.FILE).exists() else []
        print(f"published {target}", flush=True)
    if options.archive:
        weights.write_archive(Path(options.archive), wanted)
        print(f"{options.archive} has the weights of {len(wanted)} runs")
    elif left:
        print(f"without their weights, which --archive FILE keeps: {', '.join(left)}")


def fetch(options: Namespace) -> None:
    from lprior.weights import fetch, read_sums

    runs, known = fetch(options.source, Path(options.to)), read_sums(Path(options.to))
    print(f"put the weights of {len(runs)} of {len(known)} runs in place; each has the sum that it should have")


def verify(options: Namespace) -> None:
    from lprior.evaluation.verify import verify as checks
    from lprior.provenance import code_note
    from lprior.results import RunFolder, runs_at
    from lprior.weights import FILE

    mismatches, count, unchecked = 0, 0, []
    folders = runs_at(options.runs)
    for folder in folders:
        if not (folder / FILE).exists():
            unchecked.append(folder)
            print(f"{folder.name}  not checked: its weights are not there", flush=True)
            continue
        if note := code_note(RunFolder(folder).read_json("provenance.json")):
            print(f"{folder.name}  {note}", flush=True)
        for check in checks(folder):
            mismatches, count = mismatches + (not check.matches), count + 1
            print(f"{folder.name}  {check}", flush=True)
    if mismatches:
        raise UserError(f"{mismatches} of {count} published values do not match what the weights give")
    if len(unchecked) == len(folders):
        raise UserError(f"none of the {len(folders)} runs has its weights there: fetch them (docs/weights.md)")
    print(f"all {count} values of {len(folders) - len(unchecked)} runs match")
    if unchecked:
        print(f"not checked: {len(unchecked)} of {len(folders)} runs, whose weights are not there (docs/weights.md)")


def retrace(options: Namespace) -> None:
    from lprior.provenance import code_note
    from lprior.results import RunFolder, runs_at
    from lprior.training import retrace as tracing

    file = check_file(options.record) if options.record else None
    for run in map(RunFolder, runs_at(options.runs)):
        if file and tracing.is_known(file, run, options.epochs):
            continue
        made = run.read_json("provenance.json")
        note, where = code_note(made) or "made by the code of now", (made["device"], made["threads"], made["precision"])
        print("{}  {}, on {}, threads: {}, {}".format(run.path.name, note, *where), flush=True)
        found = []
        for epoch in tracing.retrace(run, options.epochs, options.data, options.device):
            print(f"{run.path.name}  {epoch}", flush=True)
            found.append(epoch)
        if file:
            tracing.record(file, tracing.row_of(run, found))
