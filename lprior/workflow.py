"""From what ./run_all.sh is asked to one call of Snakemake: which data sets are at hand, and what is to be made.

`add_options` and `check` need no other package: run_all.sh asks them before it installs any. What a preset, a data set
or a run is called is known after that, from `runs` and `data`.
"""

import io
import os
import re
import subprocess
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from lprior.errors import DataUnavailable, UserError, choose

DEVICES = ("auto", "cpu", "cuda")
TARGETS = ("report", "runs", "readings")
PUBLISHED = "published"  # a preset beside `runs.presets()`, which trains nothing
SUBSTITUTES = {"mnist": "mnist5k"}  # what is trained on rather than on nothing
DESCRIPTION = """\
Sets up what is missing (Python packages, LaTeX), trains, and builds the report. What is done already is not done
again; an interrupted run goes on where it was."""
EPILOG = """\
Examples:
  ./run_all.sh --preset smoke                     the whole path in a few minutes
  ./run_all.sh --preset quick --data ~/datasets   real training on a CPU
  ./run_all.sh --preset quick --dataset mnist     the same without CIFAR-10
  ./run_all.sh --preset full --seeds 0            one seed of the paper's networks
  ./run_all.sh --preset quick mnist-lpaae-s0      one run
  ./run_all.sh mnist-lpaae-fixed-s1/samples.png   one figure

Results: results/<preset>/<run>/ and results/<preset>/report.pdf
Exit codes: 2 wrong arguments, 3 no data, 5 no LaTeX, else Snakemake's"""


class WorkflowError(UserError):
    """With an exit code of its own."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


def add_options(parser: ArgumentParser) -> None:
    """The arguments. A test compares the names in this text with the tables that have them."""
    add = parser.add_argument
    add(
        "--preset", metavar="NAME",
        help="smoke (minutes), quick (small networks, for a CPU), full (large ones, for a GPU), or published: only "
        "rebuild report/report.pdf from results/published; or one of two studies for the report of the others: "
        "ablation (each choice undone, an hour on two CPU cores), codes (sizes of the code, half an hour) "
        "(default: full if there is a CUDA device, else quick)",
    )  # fmt: skip
    add("--device", metavar="NAME", default="auto", help="auto, cpu or cuda (default: auto)")
    add(
        "--data", metavar="FOLDER",
        help="where the data sets are (default: $LPRIOR_DATA, else the user's cache, filled by download)",
    )  # fmt: skip
    add(
        "--dataset", metavar="NAMES",
        help="one of mnist, fashion-mnist and mnist5k (embedded, needs no download), or cifar10, or one of the former "
        'and cifar10: "mnist cifar10" (default: smoke mnist, else "mnist cifar10"). On two CPU cores, quick takes '
        "about an hour for MNIST and about 40 minutes more for CIFAR-10. Unless asked for, CIFAR-10 is left out where "
        "it is not at hand and cannot be downloaded",
    )  # fmt: skip
    add("--seeds", metavar='"0 1"', help="the seeds to run (default: the preset's)")
    add("--jobs", metavar="N", help="how many runs at a time (default: one on a GPU, one per core on a CPU)")
    add("--dry-run", action="store_true", help="say what would be done")
    add("--force", action="store_true", help="start the target's runs over, deleting what they had made")
    add(
        "--keep-going", action="store_true",
        help="go on with what does not depend on a failed step, or on a data set that is not to be had",
    )  # fmt: skip
    add("--check", action="store_true", help=SUPPRESS)  # only look at the arguments
    add(
        "target", nargs="?", default="report",
        help="report (default), runs, readings (the runs, and the notebooks that read them), one run, or one file of "
        "a run",
    )  # fmt: skip


def check(options: Namespace) -> None:
    """Raises UserError for what is wrong whatever the tables hold."""
    choose("device", options.device, DEVICES)
    if options.data and not Path(options.data).is_dir():
        raise UserError(f"data folder {options.data} does not exist")
    if options.jobs and not re.fullmatch("0*[1-9][0-9]*", options.jobs):
        raise UserError(f"--jobs takes a number of at least 1, not {options.jobs!r}")
    if not re.fullmatch("[0-9 ]*", options.seeds or ""):
        raise UserError(f"--seeds takes numbers separated by blanks, not {options.seeds!r}")
    if not re.search(r"-s\d+(/|$)", options.target):
        choose("target", options.target, (*TARGETS, "a run such as mnist-lpaae-s0"))


def run(options: Namespace) -> None:
    """Look for data, then let Snakemake do what is missing. Raises UserError for what the user can mend."""
    goal, settings = plan(options)
    if settings["unavailable"] and not settings["dataset"]:
        return
    try:
        Path("results").mkdir(exist_ok=True)
        lock = open("results/.lock", "w")
    except OSError:
        raise UserError("the folder results cannot be written") from None
    report = goal == "report" and not options.dry_run
    no_latex = report and not has_latex()
    with lock:
        code = snakemake("sources" if no_latex else goal, settings, options, lock)
    if code:
        raise WorkflowError("the workflow failed; what was done is kept, and calling again goes on from there", code)
    if no_latex:
        advice = setup("latex_advice", stdout=subprocess.PIPE, text=True).stdout.rstrip()
        raise WorkflowError(f"everything is done but the PDF, for which LaTeX is missing. {advice}", 5)
    if report:
        print(f"The report: {pdf_of(settings['preset'])}")


def plan(options: Namespace) -> tuple[str, dict[str, Any]]:
    """What Snakemake is asked for, and the Snakefile's `config`."""
    import torch

    import lprior.report.studies  # noqa: F401  (studies are presets, too)
    from lprior.runs import presets

    if options.data:
        os.environ["LPRIOR_DATA"] = os.path.abspath(options.data)
    has_gpu = torch.cuda.is_available()
    on_gpu = has_gpu and options.device != "cpu"
    preset = options.preset or ("full" if on_gpu else "quick")
    choose("preset", preset, [*presets(), PUBLISHED])
    goal = goal_of(options.target, preset)
    needed = needed_data(preset, options)
    if options.device == "cuda" and not has_gpu:
        raise UserError("device cuda was asked for, but torch finds none: use --device cpu or auto")
    available, unavailable = data_at_hand(needed, options)
    return goal, {
        "preset": preset, "device": options.device, "seeds": options.seeds, "force": options.force,
        "dataset": " ".join(available), "unavailable": " ".join(unavailable),
        "jobs": options.jobs or (1 if on_gpu else os.cpu_count()),
    }  # fmt: skip


def pdf_of(preset: str) -> str:
    """Where the report of a preset's runs is."""
    return "report/report.pdf" if preset == PUBLISHED else f"results/{preset}/report.pdf"


def goal_of(target: str, preset: str) -> str:
    """What Snakemake is asked for: a rule or a file. A study has readings instead of a report of its own."""
    from lprior.config import resolve
    from lprior.results import OUTPUTS
    from lprior.runs import STUDIES, parse_run

    if target in TARGETS:
        return "readings" if target == "report" and preset in STUDIES else target
    name, _, file = target.partition("/")
    parts = parse_run(name)
    if preset != PUBLISHED:
        resolve(**parts, preset=preset)
    choose("file of a run", file or "metrics.json", OUTPUTS)
    return f"results/{preset}/{name}/{file or 'metrics.json'}"


def needed_data(preset: str, options: Namespace) -> list[str]:
    """The data sets of a run, or those that are asked for, or a preset's own: the first of each family."""
    from lprior.data import DATASETS
    from lprior.runs import STUDIES, parse_run, runs_of

    asked: dict[str, str] = {}  # family -> data set
    for name in (options.dataset or "").split():
        choose("data set", name, DATASETS)
        family = DATASETS[name].family
        if asked.setdefault(family, name) != name:
            alike = ", ".join(other for other, spec in DATASETS.items() if spec.family == family)
            raise UserError(f"--dataset takes one of {alike}, not both {asked[family]} and {name}")
    if preset == PUBLISHED:
        return []
    first: dict[str, str] = {}
    for name, spec in DATASETS.items():
        first.setdefault(spec.family, name)
    own = {STUDIES[preset].family} if preset in STUDIES else {"digits"} if preset == "smoke" else set(first)
    needed = list(asked.values()) or [name for family, name in first.items() if family in own]
    if options.target not in TARGETS:
        needed = [parse_run(options.target.partition("/")[0])["dataset"]]
    for name in needed:
        runs_of(preset, name)  # refuses a study on data that it is not for
    return needed


def data_at_hand(needed: list[str], options: Namespace) -> tuple[list[str], list[str]]:
    """Those that are there or could be downloaded, so that no job is started in vain; and those that are left out."""
    from lprior import data

    available, unavailable = [], []
    for name in needed:
        print(f"Looking for the data of {name} ...", flush=True)
        try:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                for split in ("train", "test"):
                    data.load(name, split=split)
            available.append(name)
        except DataUnavailable as error:
            if options.target not in TARGETS:
                raise
            elif not options.dataset and name in SUBSTITUTES:
                substitute = SUBSTITUTES[name]
                title, of = (data.DATASETS[each].title.upper() for each in (substitute, name))
                notice = f"GOING ON WITH {substitute}, {title}: ITS RESULTS ARE NOT THOSE OF {of}."
                print(f"\n*** {error}\n*** {notice}\n", file=sys.stderr, flush=True)
                available.append(substitute)
            elif options.keep_going or (not options.dataset and len(needed) > 1):
                unavailable.append(name)
                print(f"run_all.sh: {name} is left out: {error}", file=sys.stderr)
            else:
                raise
    return available, unavailable


def snakemake(goal: str, settings: dict[str, Any], options: Namespace, lock: io.TextIOBase) -> int:
    """Its exit code. One workflow at a time, so that a lock which a killed one left behind can be ignored."""
    import fcntl

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError("another run_all.sh is at work in this folder") from None
    command = [sys.executable, "-m", "snakemake", "--quiet", "rules", "host", "--nolock", "--rerun-incomplete"]
    command += ["--cores", "all", "--resources", f"run={settings['jobs']}"]
    chosen = {"--dry-run": options.dry_run, "--keep-going": options.keep_going, "--forceall": options.force}
    command += [option for option, wanted in chosen.items() if wanted]
    command += ["--config", *(f"{name}={value}" for name, value in settings.items() if value)]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = os.environ | {"PATH": path, "SNAKEMAKE_OUTPUT_CACHE": ""}
    process = subprocess.Popen([*command, "--", goal], env=environment, pass_fds=[lock.fileno()])
    while process.returncode is None:
        with suppress(KeyboardInterrupt):  # Snakemake was interrupted, too, and ends its jobs in order
            process.wait()
    return process.returncode if process.returncode >= 0 else 128 - process.returncode  # as a shell has it: a signal


def has_latex() -> bool:
    """Whether it is there, in the end."""
    return setup("setup_latex").returncode == 0


def setup(function: str, **options: Any) -> subprocess.CompletedProcess:
    """Call a function of setup.sh."""
    return subprocess.run(["bash", "-c", f". ./setup.sh && {function}"], **options)
