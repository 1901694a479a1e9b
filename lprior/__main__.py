"""The command line: python -m lprior COMMAND. `--help` of each command shows its options."""

import argparse
import ast
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from lprior import __version__
from lprior.errors import UserError

NOTEBOOKS = {"aae": "aae.ipynb", "lpaae": "original_paper.ipynb", "vaegan": "vae_gan.ipynb"}


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    if getattr(options, "data", None):
        os.environ["LPRIOR_DATA"] = options.data
    try:
        options.command(options)
    except UserError as error:
        print(f"lprior: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"lprior: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lprior: interrupted; the same command goes on from the last finished epoch", file=sys.stderr)
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m lprior", description=__doc__.splitlines()[0])
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    run = _command(commands, run_command, "run", "train one run and fill its folder")
    run.add_argument("name", help="<dataset>-<algorithm>[-<variant>]-s<seed>, such as mnist-lpaae-s0")
    run.add_argument("--preset", default="quick", help="smoke, quick (default), full, ablation or codes")
    run.add_argument("--results", default="results", help="the folder for <preset>/<name> (default: results)")
    run.add_argument("--device", default="auto", help="auto (default), cpu or cuda")
    run.add_argument("--engine", default="auto", help="auto (default), eager or graph (CUDA only)")
    run.add_argument("--data", help="folder of the data sets (default: $LPRIOR_DATA, else the user's cache)")
    run.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting of the preset")
    run.add_argument("--notebook", action="store_true", help="by executing the algorithm's notebook")
    run.add_argument("--force", action="store_true", help="start over, deleting what is there")

    notebook = _command(commands, notebook_command, "notebook", "execute a notebook with parameters that it declares")
    notebook.add_argument("notebook")
    notebook.add_argument("output", help="the executed notebook to write")
    notebook.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter")

    data = _command(commands, data_command, "data", "find or download a data set, verify it and describe it")
    data.add_argument("dataset")
    data.add_argument("--data", help="folder of the data sets (default: $LPRIOR_DATA, else the user's cache)")

    bench = _command(commands, bench_command, "bench", "measure what a training step costs, on synthetic images")
    bench.add_argument("algorithm", nargs="?", default="lpaae", help="aae, lpaae (default) or vaegan")
    bench.add_argument("--preset", default="quick", help="whose settings the step has: smoke, quick (default) or full")
    bench.add_argument("--networks", help="compact, dcgan, paper or strong (default: the preset's, as the next two)")
    bench.add_argument("--width", type=int, help="channels of the first convolution")
    bench.add_argument("--batch-size", type=int, help="images per step")
    bench.add_argument("--device", default="auto", help="auto (default), cpu or cuda")
    bench.add_argument("--engine", default="auto", help="auto (default), eager or graph (CUDA only)")
    bench.add_argument("--precision", default="auto", help="auto (default: as in a run), float32 or bfloat16")
    bench.add_argument("--repeats", type=int, default=5, help="measurements of each (default: 5)")
    bench.add_argument("--seconds", type=float, default=2.0, help="about how long each measurement takes (default: 2)")
    bench.add_argument(
        "--compare", nargs="+", metavar="ALGORITHM:NAME=VALUE,...",
        help="measure several in alternation, such as lpaae:engine=eager lpaae:engine=graph; "
        "NAME as above, or a setting",
    )  # fmt: skip
    bench.add_argument("--json", metavar="FILE", help="also write what was measured into this file")

    sample = _command(commands, sample_command, "sample", "draw samples of a finished run as a PNG sheet")
    sample.add_argument("folder", help="the run's folder")
    sample.add_argument("output", help="the PNG file to write")
    sample.add_argument("-n", "--count", type=int, default=100)
    sample.add_argument("--seed", type=int, help="for other samples than the run's own")

    report = _command(commands, report_command, "report", "write the LaTeX report of a results folder")
    report.add_argument("results", help="a folder of runs, such as results/quick")
    report.add_argument("output", help="the folder to write the report's sources into")
    report.add_argument("runs", nargs="*", help="the runs to report (default: all that are there)")
    report.add_argument(
        "--unavailable", nargs="*", default=[], metavar="DATASET", help="what could not be trained on, for the text"
    )
    report.add_argument("--studies", help="the folder that holds the runs of ablation/ and codes/ (default: RESULTS)")

    publish = _command(commands, publish_command, "publish", "copy the small files of finished runs for publication")
    publish.add_argument("runs", nargs="+", help="folders of finished runs, or of executed notebooks that read runs")
    publish.add_argument("--to", default="results/published")

    measure = _command(commands, evaluate_command, "evaluate", "measure the model of a finished run again")
    measure.add_argument("folder", help="the run's folder")
    measure.add_argument(
        "--inception", metavar="FILE", help="also Inception FID, KID and Score: the weights, or 'download'"
    )
    measure.add_argument("--data", help="folder of the data sets (default: $LPRIOR_DATA, else the user's cache)")

    verify = _command(commands, verify_command, "verify", "compute the metrics of published runs again and compare")
    verify.add_argument("runs", nargs="+", help="folders of runs, or folders of such folders")
    verify.add_argument("--data", help="folder of the data sets (default: $LPRIOR_DATA, else the user's cache)")

    evaluator = _command(commands, evaluator_command, "evaluator", "the classifier that metrics are measured with")
    evaluator.add_argument(
        "action", choices=["train", "describe"], help="train it anew, or only measure it and real images"
    )
    evaluator.add_argument("dataset", choices=["mnist", "cifar10"])
    evaluator.add_argument("--data", help="folder of the data sets (default: $LPRIOR_DATA, else the user's cache)")
    return top


def _command(commands, function, name: str, text: str) -> argparse.ArgumentParser:
    added = commands.add_parser(name, help=text, description=text)
    added.set_defaults(command=function)
    return added


def run_command(options: argparse.Namespace) -> None:
    from lprior import presets

    parts, changes = presets.parse_run(options.name), _changes(options.set)
    for name in changes.keys() & {*parts, "preset"}:
        raise UserError(f"--set cannot change {name}: the run's name and --preset say it")
    config = presets.resolve(**parts, preset=options.preset, **changes)  # refuses what is wrong before anything starts
    folder = Path(options.results) / options.preset / options.name
    if not options.notebook:
        from lprior.progress import Lines, Live
        from lprior.run import run

        progress = Live() if sys.stdout.isatty() else Lines()
        run(config, folder, device=options.device, engine=options.engine, progress=progress, force=options.force)
        return
    if options.engine != "auto":
        raise UserError("--engine cannot be chosen with --notebook: leave one of them out")
    from lprior.execute import execute

    given = {name: value for name, value in parts.items() if name != "algorithm"}
    given |= {"preset": options.preset, "epochs": None, "device": options.device, "folder": str(folder), "live": False}
    notebook = Path(__file__).parents[1] / "notebooks" / NOTEBOOKS[config.algorithm]
    notebook = Path(os.path.relpath(notebook))  # papermill writes it into the result, where no absolute path belongs
    execute(notebook, folder / "notebook.ipynb", given | {"force": options.force} | changes)


def notebook_command(options: argparse.Namespace) -> None:
    from lprior.execute import execute

    execute(options.notebook, options.output, _changes(options.set))


def _changes(assignments: list[str]) -> dict:
    """NAME=VALUE, where VALUE is a Python literal or else a string."""
    changes = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--set takes NAME=VALUE, not {text!r}")
        changes[name] = literal(value)
    return changes


def literal(text: str) -> Any:
    """The value of a Python literal, or else the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def data_command(options: argparse.Namespace) -> None:
    from lprior import data

    train, test = data.load(options.dataset), data.load(options.dataset, split="test")
    description = {"dataset": train.name, "source": train.source}
    for split, part in (("train", train), ("test", test)):
        description[split] = {"shape": list(part.images.shape), "sha256": part.sha256}
    print(json.dumps(description, indent=2))


def bench_command(options: argparse.Namespace) -> None:
    from lprior import bench

    names = ("preset", "networks", "width", "batch_size", "engine", "precision")
    base = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    variants = [bench.parse_variant(text, base) for text in options.compare or [options.algorithm]]
    measured = bench.bench(variants, options.device, options.repeats, options.seconds)
    print(bench.table(measured))
    if options.json:
        Path(options.json).write_text(json.dumps(measured, indent=2) + "\n")


def sample_command(options: argparse.Namespace) -> None:
    from lprior import figures
    from lprior.model import load

    figures.sheet(load(options.folder).sample(options.count, options.seed)).save(options.output)


def report_command(options: argparse.Namespace) -> None:
    from lprior.report import write_report

    studies = Path(options.studies) if options.studies else None
    write_report(Path(options.results), Path(options.output), options.runs, tuple(options.unavailable), studies)


def publish_command(options: argparse.Namespace) -> None:
    from lprior.results import RunFolder, publish

    for folder in map(Path, options.runs):
        target = Path(options.to) / folder.name
        if (folder / "notebook.ipynb").exists() and not (folder / "config.json").exists():
            shutil.copytree(folder, target, dirs_exist_ok=True)  # a notebook that read runs, and its figures
        else:
            publish(RunFolder(folder), target)
        print(f"published {Path(options.to) / folder.name}")


def evaluate_command(options: argparse.Namespace) -> None:
    from lprior import data
    from lprior.evaluate import cropped
    from lprior.inception import inception_metrics
    from lprior.model import load
    from lprior.results import RunFolder

    model, result = load(options.folder), RunFolder(options.folder)
    config = model.config
    train, test = data.load(config.dataset).head(config.images), data.load(config.dataset, split="test")
    values = model.measure(train, test)
    result.write_json("metrics.json", values)
    if options.inception:
        samples = cropped(model.sample(config.samples), test)
        values |= inception_metrics(samples, test, None if options.inception == "download" else options.inception)
        result.write_json("metrics.json", values)
    print(json.dumps(values, indent=2))


def verify_command(options: argparse.Namespace) -> None:
    from lprior.verify import verify

    mismatches, count = 0, 0
    candidates = [path for top in map(Path, options.runs) for path in sorted({top, *top.iterdir()})]
    folders = [path for path in candidates if (path / "metrics.json").exists()]
    if not folders:
        raise UserError(f"{' '.join(options.runs)}: no finished run is there")
    for folder in folders:
        for check in verify(folder):
            mismatches, count = mismatches + (not check.matches), count + 1
            print(f"{folder.name}  {check}", flush=True)
    if mismatches:
        raise UserError(f"{mismatches} of {count} published values do not match what the weights give")
    print(f"all {count} values of {len(folders)} runs match")


def evaluator_command(options: argparse.Namespace) -> None:
    from lprior import data, evaluate, evaluators

    train, test = data.load(options.dataset), data.load(options.dataset, split="test")
    if options.action == "train":
        evaluators.save_evaluator(evaluators.train_evaluator(train), options.dataset)
        evaluators.describe_evaluator(options.dataset, train, test)  # anchors bear the new version in their keys
    found = evaluators.describe_evaluator(options.dataset, train, test, evaluate.anchors(train, test))
    print(f"version {found['version']}: accuracy {found['accuracy_test']:.4f} on {len(test.images)} test images")


if __name__ == "__main__":
    sys.exit(main())
