"""What the commands that measure do, which belong to `commands.py`."""

import json
from argparse import Namespace
from pathlib import Path


def sheets(options: Namespace) -> None:
    from lprior.report.sheets import write_sheets

    write_sheets(Path(options.folder))


def evaluator(options: Namespace) -> None:
    from lprior import data
    from lprior.errors import choose
    from lprior.evaluation import judges
    from lprior.evaluation.measurement import anchors
    from lprior.evaluation.recipes import SECOND

    own = [name for name, spec in data.DATASETS.items() if spec.classifier == name]
    choose("data set", options.dataset, [name for name in own if name in SECOND or not options.second])
    train, test = data.load(options.dataset), data.load(options.dataset, split="test")
    second, name = options.second, SECOND[options.dataset] if options.second else options.dataset
    if options.action == "train":
        judges.save_evaluator(judges.train_evaluator(train, second=second), name)
        judges.describe_evaluator(name, train, test)  # anchors bear the new version in their keys
    found = judges.describe_evaluator(name, train, test, anchors(train, test, second))
    print(f"version {found['version']}: accuracy {found['accuracy_test']:.4f} on {len(test.images)} test images")


def attributes(options: Namespace) -> None:
    from lprior import data
    from lprior.errors import UserError
    from lprior.evaluation.arithmetic import Arithmetic
    from lprior.evaluation.measurement import further
    from lprior.evaluation.record import record_code, refuse_other_data
    from lprior.model import load
    from lprior.results import RunFolder, runs_at
    from lprior.weights import FILE

    folders = runs_at(options.runs)
    with_weights = [folder for folder in folders if (folder / FILE).exists()]
    if not with_weights:
        raise UserError(f"none of the {len(folders)} runs has its weights there: fetch them (docs/weights.md)")
    of_data: dict[tuple, tuple] = {}  # once for all runs on the same images
    for folder in with_weights:
        model, result = load(folder), RunFolder(folder)
        config = model.config
        key = config.dataset, config.images, config.validation
        if key not in of_data:
            train, test = data.split(config.dataset, images=config.images, validation=config.validation)
            of_data[key] = train, test, Arithmetic(train, test)
        refuse_other_data(result, of_data[key][0])
        with result.held():
            result.write_json("metrics.json", result.read_json("metrics.json") | further(model, *of_data[key]))
            record_code(result)
        print(f"measured {folder.name}", flush=True)
    if len(with_weights) < len(folders):
        print(f"not measured: {len(folders) - len(with_weights)} runs, whose weights are not there (docs/weights.md)")


def evaluate(options: Namespace) -> None:
    from lprior import data
    from lprior.errors import UserError
    from lprior.evaluation.inception import check_weights, inception_metrics
    from lprior.evaluation.record import record, refuse_other_data
    from lprior.model import load
    from lprior.results import MEASURED, RunFolder

    weights = None if options.inception == "download" else options.inception
    if weights:
        check_weights(weights)
    model, result = load(options.folder), RunFolder(options.folder)
    if not result.trained:
        raise UserError(f"{result.path} is not trained to its end: start the run again, which goes on")
    config = model.config
    train, test = data.split(config.dataset, images=config.images, validation=config.validation)
    refuse_other_data(result, train)
    with result.held():
        values = record(model, train, test, result)
        if options.inception:
            samples = data.crop(model.sample(config.samples), test.images.shape[-1])
            values |= inception_metrics(samples, test, weights)
            result.write_json(MEASURED, values)
    print(json.dumps(values, indent=2))
