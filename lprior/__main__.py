"""The command line: python -m lprior COMMAND. `--help` of each command shows its options."""

import argparse
import os
import signal
import sys
from functools import partial
from pathlib import Path

from lprior import __version__, workflow
from lprior import commands as do
from lprior import commands_judges as judges
from lprior import commands_report as shows
from lprior.errors import UserError, hint
from lprior.failures import EXIT_CODES, KEPT, check_texts, shorten, tell

EXAMPLES = {  # command -> arguments that do something
    "run": ["mnist-lpaae-s0", "mnist5k-aae-s1 --preset smoke --set epochs=5 --set width=8"],
    "trial": ["mnist-lpaae-s0 --set lam=20.0 --why 'Does less weight of L_rec help?'"],
    "config": ["mnist-lpaae-s0", "cifar10-vaegan-s0 --preset full --set gamma=0.1"],
    "notebook": ["notebooks/aae.ipynb my.ipynb --set dataset=mnist5k --set epochs=1"],
    "data": ["mnist --data ~/datasets"],
    "bench": ["lpaae --preset smoke", "--compare lpaae:width=16 lpaae:width=32"],
    "sample": ["results/published/mnist-lpaae-s0 sheet.png --count 400 --seed 1"],
    "report": ["results/quick build/my-report"],
    "gallery": ["results/published"],
    "cover": ["results/published docs/mnist.png"],
    "claims": ["results/published docs/papers.md"],
    "sheets": ["published-sheets"],
    "publish": ["results/quick/mnist-lpaae-s0 --to my-results"],
    "fetch": ["weights.tar"],
    "evaluate": ["results/quick/mnist-lpaae-s0"],
    "verify": ["results/published/mnist-lpaae-s0"],
    "retrace": ["results/published/mnist-lpaae-s0"],
    "attributes": ["results/published/mnist-lpaae-supervised-s0"],
    "evaluator": ["describe mnist"],
}

SHARED = {  # arguments that several commands have
    "name": {"help": "<dataset>-<algorithm>[-<variant>]-s<seed>, such as mnist-lpaae-s0"},
    "runs": {"nargs": "+", "help": "names of published runs, folders of runs, or folders of such"},
    "--preset": {"default": "quick", "help": "smoke, quick (default), full, or a study, such as ablation"},
    "--device": {"default": "auto", "help": "auto (default), cpu or cuda"},
    "--engine": {"default": "auto", "help": "auto (default), eager or graph (CUDA only)"},
    "--data": {"help": "folder of the data sets (default: $LPRIOR_DATA, else the user's cache)"},
    "--set": {
        "action": "append", "default": [], "metavar": "NAME=VALUE",
        "help": "change a setting; `python -m lprior config` and the name list them",
    },
}  # fmt: skip


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def error(self, message):
        self.exit(2, f"{shorten(f'{self.prog}: {message}')}; see --help\n")

    def parse_known_args(self, args=None, namespace=None):
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            options = [option for option in self._option_string_actions if option.startswith("--")]
            self.error(f"unknown argument {unknown[0]}: {hint(unknown[0], options)}".removesuffix(": "))
        return found, unknown

    def _check_value(self, action, value):
        if action.choices is not None and value not in action.choices:
            there = f"choose one of {', '.join(action.choices)}"
            raise argparse.ArgumentError(None, f"{value!r} is unknown: {hint(value, action.choices) or there}")


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    voice = "run_all.sh" if arguments[:1] == ["workflow"] else "lprior"
    try:
        try:
            check_texts(arguments)
            options = parser().parse_args(arguments or ["--help"])
            _use_data(getattr(options, "data", None))
            options.command(options)
        except SystemExit:  # of --help, or of wrong arguments
            sys.stdout.flush()
            raise
        sys.stdout.flush()  # here, where it can still be said that nobody reads it
    except (Exception, KeyboardInterrupt) as error:
        return tell(error, voice)
    return 0


def _use_data(folder: str | None) -> None:
    if folder is None:
        return
    if not Path(folder).is_dir():
        raise UserError(f"data folder {folder} does not exist")
    os.environ["LPRIOR_DATA"] = folder


def parser() -> argparse.ArgumentParser:
    top = Parser(prog="python -m lprior", description=__doc__.splitlines()[0], epilog=EXIT_CODES)
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for add in (_add_trainers, _add_pictures, _add_publishers, _add_judges, _add_workflow):
        add(commands)
    return top


def _add_trainers(commands) -> None:
    run = _command(commands, do.run, "run", "train one run and fill its folder", "name", "--preset")
    run.add_argument("--results", default="results", help="the folder for <preset>/<name> (default: results)")
    _share(run, "--device", "--engine", "--data", "--set")
    run.add_argument("--notebook", action="store_true", help="by executing the algorithm's notebook")
    run.add_argument("--force", action="store_true", help="start over, deleting what is there")
    text = "end when it is trained and drawn; evaluate, or the same command without this, measures it"
    run.add_argument("--unmeasured", action="store_true", help=text)

    text = "train with images held out, and add a row to docs/trials.csv"
    trial = _command(commands, do.trial, "trial", text, "name", "--preset")
    trial.add_argument("--why", required=True, help="the question that it should answer")
    trial.add_argument("--results", default="results", help="the folder for trials/<name> (default: results)")
    _share(trial, "--device", "--data", "--set")

    text = "print every value of a run and where it comes from"
    _command(commands, do.config, "config", text, "name", "--preset", "--set")

    notebook = _command(commands, do.notebook, "notebook", "execute a notebook with parameters that it declares")
    notebook.add_argument("notebook")
    notebook.add_argument("output", help="the executed notebook to write")
    notebook.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter")

    text = "find or download a data set, verify it and describe it"
    _command(commands, do.data, "data", text, "--data").add_argument("dataset")

    bench = _command(commands, do.bench, "bench", "measure what a training step costs, on synthetic images")
    bench.add_argument("algorithm", nargs="?", default="lpaae", help="such as aae or vaegan (default: lpaae)")
    bench.add_argument("--preset", default="quick", help="whose settings the step has: smoke, quick (default) or full")
    bench.add_argument("--networks", help="such as compact or paper (default: the preset's, as the next two)")
    bench.add_argument("--width", type=int, help="channels of the first convolution")
    bench.add_argument("--batch-size", type=int, help="images per step")
    _share(bench, "--device", "--engine")
    bench.add_argument("--precision", default="auto", help="auto (default: as in a run), float32 or bfloat16")
    bench.add_argument("--repeats", type=int, default=5, help="measurements of each (default: 5)")
    bench.add_argument("--seconds", type=float, default=2.0, help="about how long each measurement takes (default: 2)")
    bench.add_argument(
        "--compare", nargs="+", metavar="ALGORITHM:NAME=VALUE,...",
        help="measure several in alternation, such as lpaae:engine=eager lpaae:engine=graph; "
        "NAME as above, or a setting",
    )  # fmt: skip
    bench.add_argument("--json", metavar="FILE", help="also write what was measured into this file")


def _add_pictures(commands) -> None:
    sample = _command(commands, do.sample, "sample", "draw samples of a finished run as a PNG sheet")
    sample.add_argument("folder", help="the run's folder, or the name of a published run")
    sample.add_argument("output", help="the picture to write, such as sheet.png")
    sample.add_argument("-n", "--count", type=int, default=100)
    sample.add_argument("--seed", type=int, help="for other samples than the run's own")
    sample.add_argument("--s", metavar="S", help="a value of the conditional variable, or a sentence")

    report = _command(commands, shows.report, "report", "write the LaTeX report of a results folder")
    report.add_argument("results", help="a folder of runs, such as results/quick")
    report.add_argument("output", help="the folder to write the report's sources into")
    report.add_argument("runs", nargs="*", help="the runs to report (default: all that are there)")
    report.add_argument(
        "--unavailable", nargs="*", default=[], metavar="DATASET", help="what could not be trained on, for the text"
    )
    report.add_argument("--diverged", nargs="*", default=[], metavar="RUN", help="what came to nothing, for the text")
    report.add_argument("--studies", help="the folder that holds ablation/ and the other studies (default: RESULTS)")
    report.add_argument("--sheets", metavar="FOLDER", help="published sheets, to be shown (default: their scores)")

    gallery = _command(commands, shows.gallery, "gallery", "write index.html, pages on the runs in a folder, into it")
    gallery.add_argument("results", help="a folder of runs, such as results/published")

    claims = _command(commands, shows.claims, "claims", "write the papers' claims with verdicts as Markdown")
    claims.add_argument("results", help="a folder of runs, such as results/published")
    claims.add_argument("output", help="the page to write, such as docs/papers.md")
    cover = _command(commands, shows.cover, "cover", "draw the README's picture: samples of models beside real images")
    cover.add_argument("results", help="a folder of runs, such as results/published")
    cover.add_argument("output", help="the picture to write, such as docs/mnist.png")
    cover.add_argument("--dataset", default="mnist", help="of the runs (default: mnist)")


def _add_publishers(commands) -> None:
    sheets = _command(commands, judges.sheets, "sheets", "score published sheets of samples into report/sheets.json")
    sheets.add_argument("folder", help="the folder of the sheets")
    _share(sheets, "--data")

    publish = _command(commands, do.publish, "publish", "copy the small files of finished runs for publication")
    publish.add_argument("runs", nargs="+", help="folders of finished runs, or of executed notebooks that read runs")
    publish.add_argument("--to", default="results/published")
    publish.add_argument("--archive", metavar="FILE", help="also write the weights of all these runs into a tar file")

    fetch = _command(commands, do.fetch, "fetch", "put weights from an archive beside published runs, and check them")
    fetch.add_argument("source", metavar="FILE|URL", help="the archive that publish --archive has written")
    fetch.add_argument("--to", default="results/published")


def _add_judges(commands) -> None:
    measure = _command(commands, judges.evaluate, "evaluate", "measure the model of a trained run, for once or again")
    measure.add_argument("folder", help="the run's folder")
    measure.add_argument(
        "--inception", metavar="FILE", help="also Inception FID, KID and Score: the weights, or 'download'"
    )
    _share(measure, "--data")

    text = "compute the metrics of published runs again and compare"
    _command(commands, do.verify, "verify", text, "runs", "--data")

    text = "train finished runs' first epochs again and compare the logs"
    trace = _command(commands, do.retrace, "retrace", text, "runs")
    trace.add_argument("--epochs", type=int, default=1, metavar="N", help="so many of them (default: 1)")
    text = "a CSV file that keeps what came of it; runs that it has are passed over"
    trace.add_argument("--record", metavar="FILE", help=text)
    _share(trace, "--device", "--data")

    text = "measure what directions in code space, and s, do to strokes or colours"
    _command(commands, judges.attributes, "attributes", text, "runs", "--data")

    evaluator = _command(commands, judges.evaluator, "evaluator", "the classifier that metrics are measured with")
    evaluator.add_argument(
        "action", choices=["train", "describe"], help="train it anew, or only measure it and real images"
    )
    evaluator.add_argument("dataset", help="one that has a classifier of its own, such as mnist")
    evaluator.add_argument("--second", action="store_true", help="the second judge, which nothing is chosen by")
    _share(evaluator, "--data")


def _add_workflow(commands) -> None:
    all_ = commands.add_parser(
        "workflow", help="plan the runs of a preset and call Snakemake: the second half of ./run_all.sh",
        prog="run_all.sh", usage="./run_all.sh [options] [target]", description=workflow.DESCRIPTION,
        epilog=workflow.EPILOG, allow_abbrev=False,
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, max_help_position=22),
    )  # fmt: skip
    workflow.add_options(all_)
    all_.set_defaults(command=do.workflow)


def _command(commands, function, name: str, text: str, *shared: str) -> argparse.ArgumentParser:
    examples = "\n".join(f"  python -m lprior {name} {example}" for example in EXAMPLES[name])
    added = commands.add_parser(
        name, help=text, description=text, epilog=f"Examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    added.set_defaults(command=partial(_knowing_studies, function))
    _share(added, *shared)
    return added


def _knowing_studies(function, options: argparse.Namespace) -> None:
    """Only here, as it needs packages: `workflow` is asked about its arguments before any are installed."""
    import lprior.report.studies  # noqa: F401  (which are presets, too)

    function(options)


def _share(command: argparse.ArgumentParser, *names: str) -> None:
    for name in names:
        command.add_argument(name, **SHARED[name])


def _end(number, frame) -> None:
    """In order, so that what is open is closed, such as kernels."""
    os.write(2, f"lprior: terminated; {KEPT}\n".encode())
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main())
