"""From what ./run_all.sh is asked to calls of Snakemake: which data sets are at hand, what is to be made, and what is
said in the end. Other packages are imported where they are needed: run_all.sh asks `check` before it installs any.
"""

import io
import os
import subprocess
import sys
import time
from argparse import Namespace
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import IO, Any

from lprior.errors import DataUnavailable, TrainingDiverged, UserError, choose
from lprior.workflow import edition
from lprior.workflow.jobs import INTERRUPTED, one_at_a_time, snakemake
from lprior.workflow.options import DESCRIPTION, DEVICES, EPILOG, PUBLISHED, TARGETS, add_options, check
from lprior.workflow.outcome import WorkflowError, diverged_since, keeping, refuse_changed
from lprior.workflow.steps import summary

__all__ = [
    "DESCRIPTION", "DEVICES", "EPILOG", "PUBLISHED", "TARGETS", "WorkflowError", "add_options", "check", "plan", "run",
]  # fmt: skip
READS_RUNS = {"report": "sources", "sources": "sources", "readings": "reading"}  # target -> rule that reads all runs


def run(options: Namespace) -> None:
    """Look for data, then let Snakemake do what is missing. Raises UserError for what the user can mend."""
    if not Path("Snakefile").exists():
        raise UserError("there is no Snakefile here: go to a clone of the repository, and call ./run_all.sh")
    if options.preset == edition.PRESET:
        return edition.edition(options, uses_gpu(options), run)
    goal, settings = plan(options)
    if settings["unavailable"] and not settings["dataset"]:
        return
    runs, pdf = runs_behind(goal, settings), Path(pdf_of(settings["preset"]))
    with one_at_a_time() as lock:
        if goal != "report" or options.dry_run:
            return make(goal, settings, runs, options, lock)
        no_latex = not has_latex()
        with keeping(pdf, Path("results", settings["preset"]), runs, tracked=settings["preset"] == PUBLISHED):
            make("sources" if no_latex else goal, settings, runs, options, lock)
            if no_latex:
                advice = setup("latex_advice", stdout=subprocess.PIPE, text=True).stdout.rstrip()
                raise WorkflowError(f"everything is done but the PDF, for which LaTeX is missing. {advice}", 5)
    print(f"The report: {pdf}")


def make(goal: str, settings: dict[str, Any], runs: list[str], options: Namespace, lock: IO) -> None:
    """Call Snakemake, and with --keep-going once more without the runs that diverged. Raises WorkflowError."""
    started, folder = time.time(), Path("results", settings["preset"])
    # Snakemake does not miss what is missing between a run and something that is newer.
    missing = any(not (folder / name / "metrics.json").exists() for name in runs)
    anew = READS_RUNS.get(goal, "") if missing else ""
    if not options.dry_run:
        print(f"What each step says is in {Path('logs', settings['preset'])}", flush=True)
    code = snakemake(goal, settings, options, lock, anew)
    diverged = diverged_since(started, folder, runs) if code else {}
    kept, rest = "what was done is kept", 1
    if diverged and options.keep_going and goal in READS_RUNS and len(diverged) < len(runs):
        without = settings | {"diverged": " ".join(diverged), "force": None}
        rest = snakemake(goal, without, Namespace(**vars(options) | {"force": False}), lock, READS_RUNS[goal])
        if rest == 0:
            kept = f"{'the report is' if goal == 'report' else goal + ' are'} of the other runs"
    if runs and not options.dry_run:
        print(summary(folder, runs), flush=True)
    if code in INTERRUPTED or rest in INTERRUPTED:
        code = code if code in INTERRUPTED else rest
        raise WorkflowError("interrupted; what was done is kept, and the same command goes on from there", code)
    if diverged:
        said = "; ".join(f"{name} diverged: {message}" for name, message in diverged.items())
        raise WorkflowError(f"{said}; {kept}", TrainingDiverged.exit_code)
    if code:
        raise WorkflowError("the workflow failed; what was done is kept, and calling again goes on from there", code)


def plan(options: Namespace) -> tuple[str, dict[str, Any]]:
    """What Snakemake is asked for, and the Snakefile's `config`."""
    import lprior.report.studies  # noqa: F401  (studies are presets, too)
    from lprior.runs import presets

    if options.data:
        os.environ["LPRIOR_DATA"] = os.path.abspath(options.data)
    on_gpu = uses_gpu(options)
    preset = options.preset or ("full" if on_gpu else "quick")
    choose("preset", preset, [*presets(), PUBLISHED, edition.PRESET])
    goal = goal_of(options.target, preset)
    needed = needed_data(preset, options)
    available, unavailable = data_at_hand(needed, options)
    settings = {
        "preset": preset, "device": options.device, "seeds": options.seeds, "force": options.force,
        "dataset": " ".join(available), "unavailable": " ".join(unavailable),
        "jobs": options.jobs or os.cpu_count(),
    }  # fmt: skip
    if on_gpu and not options.profile:  # on a cluster the scheduler does it
        gpus = gpus_at_hand()
        settings |= {"gpus": " ".join(gpus), "jobs": options.jobs or len(gpus)}
    if not options.force:
        refuse_changed(Path("results", preset), runs_behind(goal, settings))
    return goal, settings


def uses_gpu(options: Namespace) -> bool:
    """Whether runs will be on a GPU. Raises UserError if one is asked for that torch does not find."""
    import torch

    found = torch.cuda.is_available()
    if options.device == "cuda" and not found:
        raise UserError("device cuda was asked for, but torch finds none: use --device cpu or auto")
    return found and options.device != "cpu"


def gpus_at_hand() -> list[str]:
    """Their numbers: those that the environment names, else all."""
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES", "").replace(",", " ").split()
    return named or [str(number) for number in range(torch.cuda.device_count())]


def pdf_of(preset: str) -> str:
    """Where the report of a preset's runs is."""
    return "report/report.pdf" if preset == PUBLISHED else f"results/{preset}/report.pdf"


def runs_behind(goal: str, settings: dict[str, Any]) -> list[str]:
    """The names of the runs that have to be finished for it; none for what is published, which is."""
    from lprior.runs import runs_of

    if settings["preset"] == PUBLISHED:
        return []
    if goal not in TARGETS:
        return [Path(goal).parent.name]
    seeds = [int(seed) for seed in (settings["seeds"] or "").split()]
    return [name for dataset in settings["dataset"].split() for name in runs_of(settings["preset"], dataset, seeds)]


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
    main = {spec.family for spec in DATASETS.values() if spec.main}
    own = {STUDIES[preset].family} if preset in STUDIES else {"digits"} if preset == "smoke" else main
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
            elif not options.dataset and name in data.SUBSTITUTES:
                available.append(data.substitute(name, error))
            elif options.keep_going or (not options.dataset and len(needed) > 1):
                unavailable.append(name)
                print(f"run_all.sh: {name} is left out: {error}", file=sys.stderr)
            else:
                raise
    return available, unavailable


def has_latex() -> bool:
    """Whether it is there, in the end."""
    return setup("setup_latex").returncode == 0


def setup(function: str, **options: Any) -> subprocess.CompletedProcess:
    """Call a function of setup.sh."""
    return subprocess.run(["bash", "-c", f". ./setup.sh && {function}"], **options)
