"""What ./run_all.sh can be told. Needs no other package: run_all.sh asks before it installs any."""

import re
from argparse import SUPPRESS, ArgumentParser, Namespace
from pathlib import Path

from lprior.clone import CLONE
from lprior.errors import UserError, choose
from lprior.workflow.edition import PRESET as EDITION

PUBLISHED = "published"  # a preset beside `runs.presets()`, which trains nothing
DEVICES = ("auto", "cpu", "cuda")
PROFILES = CLONE / "profiles"  # of Snakemake
TARGETS = ("report", "runs", "readings")
DESCRIPTION = """\
Sets up what is missing (Python packages, LaTeX), trains, and builds the
report. What is done already is not done again; an interrupted run goes on
where it was."""
EPILOG = """\
Examples:
  ./run_all.sh --preset smoke                    the whole path, in minutes
  ./run_all.sh --preset quick --data ~/datasets  real training on a CPU
  ./run_all.sh --preset quick --dataset mnist    the same without CIFAR-10
  ./run_all.sh --preset full --seeds 0           a seed of the paper's networks
  ./run_all.sh --preset quick mnist-lpaae-s0     one run
  ./run_all.sh mnist-lpaae-fixed-s1/samples.png  one figure

Results: results/<preset>/<run>/, results/<preset>/report.pdf, and
results/<preset>/index.html to look at; what each step says: logs/<preset>/
Exit codes: 2 wrong arguments or settings that have changed, 3 no data,
4 training diverged, 5 no LaTeX; 129, 130, 143 ended by SIGHUP, SIGINT or
SIGTERM; else Snakemake's"""


def add_options(parser: ArgumentParser) -> None:
    """The arguments. A test compares the names in this text with the tables that have them."""
    add = parser.add_argument
    add(
        "--preset", metavar="NAME",
        help="smoke (minutes), quick (small networks, for a CPU), full (large ones, for a GPU), or published: only "
        "rebuild report/report.pdf from results/published; or edition: train all that is published anew, and "
        "publish it (a day of two CPU cores); or one of the studies for the report of the others: "
        "ablation (each choice undone, an hour on two CPU cores), ablation_long (the same of LP-AAE, as long as the "
        "main runs, two hours), codes and codes_cifar10 (sizes of the code, six hours and one), conditions (priors "
        "with labels), conditions_unsupervised (without), parzen (AAE's likelihood), "
        "algorithm1 (its readings with the paper's own terms), similarity and similarity_cifar10 (VAE/GAN beside VAE "
        "and GAN); semisupervised, clustering, dimensions, supervised, planes (of AAE), text "
        "(sentences to pictures) "
        "(default: full if there is a CUDA device, else quick)",
    )  # fmt: skip
    add("--device", metavar="NAME", default="auto", help="auto, cpu or cuda (default: auto)")
    add(
        "--data", metavar="FOLDER",
        help="where the data sets are (default: $LPRIOR_DATA, else the user's cache, filled by download)",
    )  # fmt: skip
    add(
        "--dataset", metavar="NAMES",
        help="one of mnist, fashion-mnist and mnist5k (embedded, needs no download), or one of cifar10 and svhn, or "
        'one of each: "mnist cifar10" (default: smoke mnist, else "mnist cifar10"). On two CPU cores, quick takes '
        "about an hour for MNIST and about 40 minutes more for CIFAR-10. The study text is on scenes (of MNIST's "
        "digits), scenes5k (of the embedded ones) or captioned (pictures and sentences of your own). Unless asked "
        "for, CIFAR-10 is left out where "
        "it is not at hand and cannot be downloaded",
    )  # fmt: skip
    add("--seeds", metavar='"0 1"', help="the seeds to run (default: the preset's)")
    add("--jobs", metavar="N", help="how many runs at a time (default: one on each GPU, or on each core of a CPU)")
    add(
        "--profile", metavar="NAME",
        help="slurm, or another folder of profiles/: a cluster that runs the jobs, and what they may use "
        "(a machine's own GPUs need none)",
    )  # fmt: skip
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
    if options.profile is not None:
        choose("profile", options.profile, sorted(path.parent.name for path in PROFILES.glob("*/config.yaml")))
    if options.jobs and not re.fullmatch("0*[1-9][0-9]*", options.jobs):
        raise UserError(f"--jobs takes a number of at least 1, not {options.jobs!r}")
    if not re.fullmatch("[0-9 ]*", options.seeds or ""):
        raise UserError(f"--seeds takes numbers separated by blanks, not {options.seeds!r}")
    for seed in (options.seeds or "").split():
        if len(seed.lstrip("0")) > 10 or int(seed) >= 2**32:
            raise UserError(f"--seeds takes numbers of at most {2**32 - 1}, not {seed}")
    if not re.search(r"-s\d+(/|$)", options.target):
        choose("target", options.target, (*TARGETS, "a run such as mnist-lpaae-s0"))
    refuse_unused(options)


def refuse_unused(options: Namespace) -> None:
    """Raises UserError for what there is nothing to choose of: of what is published, and of a run that is named."""
    if options.preset == EDITION and options.target != "report":
        raise UserError(f"{options.target} has no meaning with --preset {EDITION}, which makes all that is published")
    whole, run = options.preset in (EDITION, PUBLISHED), options.target.partition("/")[0]
    if not whole and options.target in TARGETS:
        return
    others = [name for name in (options.dataset or "").split() if whole or not run.startswith(f"{name}-")]
    for name, given in {"--seeds": options.seeds, "--dataset": others}.items():
        if given:
            owner = f"--preset {options.preset}" if whole else "a run"
            raise UserError(f"{name} has no meaning with {owner}, which names its own")
