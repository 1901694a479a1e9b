"""What the commands on judges do, which belong to `commands.py`."""

from argparse import Namespace
from pathlib import Path


def sheets(options: Namespace) -> None:
    from lprior.report.sheets import write_sheets

    write_sheets(Path(options.folder))


def evaluator(options: Namespace) -> None:
    from lprior import data
    from lprior.evaluation import judges
    from lprior.evaluation.measurement import anchors

    train, test = data.load(options.dataset), data.load(options.dataset, split="test")
    second, name = options.second, judges.SECOND[options.dataset] if options.second else options.dataset
    if options.action == "train":
        judges.save_evaluator(judges.train_evaluator(train, second=second), name)
        judges.describe_evaluator(name, train, test)  # anchors bear the new version in their keys
    found = judges.describe_evaluator(name, train, test, anchors(train, test, second))
    print(f"version {found['version']}: accuracy {found['accuracy_test']:.4f} on {len(test.images)} test images")
