# data -> runs (papermill) -> tables and figures -> report. `./run_all.sh` sets up and calls this; see its --help.
#
# A run resumes from the checkpoint in its folder, which is therefore not among the outputs declared here: Snakemake
# deletes the outputs of a job that it starts again.
import os
from pathlib import Path

import lprior.report.studies
from lprior.algorithms import ALGORITHMS
from lprior.config import resolve
from lprior.data import DATASETS
from lprior.results import OUTPUTS
from lprior.runs import STUDIES, parse_run, runs_of
from lprior.workflow import PUBLISHED, pdf_of

PRESET = config.get("preset", "quick")
CHOSEN = str(config.get("dataset", "mnist")).split()  # data sets
UNAVAILABLE = str(config.get("unavailable", "")).split()  # data sets that the report says were not at hand
DIVERGED = str(config.get("diverged", "")).split()  # runs that the report says came to nothing
SEEDS = [int(seed) for seed in str(config.get("seeds", "")).split()]  # none: the preset's
DEVICE = config.get("device", "auto")
JOBS = int(config.get("jobs") or workflow.cores)
GPUS = str(config.get("gpus", ""))  # of this machine, of which each run gets one
ON_GPU = f"bash lprior/workflow/on_free_gpu.sh {JOBS} '{GPUS}' " if GPUS else ""
FORCE = "--force" if config.get("force") else ""
TRAINS = PRESET != PUBLISHED
RESULTS = f"results/{PRESET}"
BUILD = f"build/report-{PRESET}"
LOGS = f"logs/{PRESET}"  # what each step says
if TRAINS:
    RUNS = [run for dataset in CHOSEN for run in runs_of(PRESET, dataset, SEEDS) if run not in DIVERGED]
else:
    RUNS = sorted(path.parent.name for path in Path(RESULTS).glob("*/metrics.json"))
# Networks as small as these gain little from a second thread: runs side by side use a CPU better than threads in one.
THREADS = max(1, workflow.cores // max(1, min(JOBS, len(RUNS))))
SHEETS = os.environ.get("LPRIOR_SHEETS", "")  # the folder of what others published, if the report is to show it
OF_STUDIES = "results" if TRAINS else RESULTS  # the folder of their folders
DRAWING = [  # what makes pictures and numbers of report and gallery, beside lprior/report
    *(f"lprior/{name}.py" for name in ("curves", "figures", "runs", "tiles", "evaluation/metrics")),
    *sorted(map(str, Path("lprior/evaluation/classifiers").glob("*.json"))),  # real images' numbers
]
NOTEBOOKS = {name: f"notebooks/{algorithm.notebook}" for name, algorithm in ALGORITHMS.items() if algorithm.notebook}


def data_of(wildcards):
    return f"{RESULTS}/data-{parse_run(wildcards.run)['dataset']}.json"


# Notebooks that read runs: each is executed, with these parameters, when the runs on digits are finished.
DIGITS = [run for run in RUNS if DATASETS[parse_run(run)["dataset"]].family == "digits"]
if not TRAINS or not DIGITS:
    READING = {}
elif PRESET in STUDIES:
    READING = {"readings": {"folder": RESULTS}}
else:
    of_model = {resolve(**parse_run(run), preset=PRESET).model: f"{RESULTS}/{run}" for run in reversed(DIGITS)}
    MODELS = {  # of each notebook, by the name of its parameter
        "latent_space": {"learned": "lpaae", "fixed": "lpaae-fixed", "plane": "lpaae-code_2"},
        "attributes": {"vaegan": "vaegan", "lpaae": "lpaae"},
        "disentanglement": {name: f"lpaae-{name}" for name in ("supervised", "unsupervised")},
    }
    MORE = {name: {"preset": PRESET, "output": f"{RESULTS}/{name}"} for name in ("latent_space", "attributes")}
    MORE["disentanglement"] = {}
    READING = {
        name: {parameter: of_model[model] for parameter, model in models.items()} | MORE[name]
        for name, models in MODELS.items()
        if of_model.keys() >= set(models.values())  # all but what diverged
    }


NOTEBOOKS_THAT_READ = expand("{results}/{name}/notebook.ipynb", results=RESULTS, name=READING)


def settings_of(wildcards):
    """So that a changed preset makes the workflow run again what it made."""
    return str(resolve(**parse_run(wildcards.run), preset=PRESET).to_dict())


localrules: report, runs, readings, data, gallery, sources, pdf  # not worth a job on a cluster


rule report:
    input:
        pdf_of(PRESET),
        f"{RESULTS}/index.html",


rule runs:
    input:
        expand("{results}/{run}/metrics.json", results=RESULTS, run=RUNS),


rule readings:
    input:
        NOTEBOOKS_THAT_READ,
        f"{RESULTS}/index.html",


if TRAINS:

    rule data:
        output:
            f"{RESULTS}/data-{{dataset}}.json",
        log:
            f"{LOGS}/data-{{dataset}}.txt",
        shell:
            "python -m lprior data {wildcards.dataset} > {output} 2> {log}"

    rule run:
        input:
            notebook=lambda wildcards: NOTEBOOKS[parse_run(wildcards.run)["algorithm"]],
            data=data_of,
        output:
            [f"{RESULTS}/{{run}}/{file}" for file in OUTPUTS],
        wildcard_constraints:
            run=rf"[^/]+-({'|'.join(NOTEBOOKS)})(-\w+)?-s\d+",
        params:
            settings=settings_of,
            notebook="--notebook",
        log:
            f"{LOGS}/{{run}}.txt",
        threads: THREADS
        resources:
            run=1,
        shell:
            "OMP_NUM_THREADS={threads} {ON_GPU}python -m lprior run {wildcards.run} {params.notebook} --preset {PRESET} "
            "--results results --device {DEVICE} {FORCE} > {log} 2>&1"

    use rule run as run_without_notebook with:
        input:
            data=data_of,
        output:
            [f"{RESULTS}/{{run}}/{file}" for file in OUTPUTS if file != "notebook.ipynb"],
        wildcard_constraints:
            run=rf"[^/]+-({'|'.join(sorted(ALGORITHMS.keys() - NOTEBOOKS)) or 'none'})(-\w+)?-s\d+",
        params:
            settings=settings_of,
            notebook="",

    rule reading:
        input:
            notebook="notebooks/{name}.ipynb",
            runs=expand("{results}/{run}/metrics.json", results=RESULTS, run=DIGITS),
        output:
            f"{RESULTS}/{{name}}/notebook.ipynb",
        wildcard_constraints:
            name="|".join(READING) or "none",
        log:
            f"{LOGS}/{{name}}.txt",
        params:
            given=lambda wildcards: " ".join(
                f"--set {name}={value}" for name, value in READING[wildcards.name].items()
            ),
        shell:
            "python -m lprior notebook {input.notebook} {output} {params.given} > {log} 2>&1"


rule gallery:
    input:
        NOTEBOOKS_THAT_READ,
        expand("{results}/{run}/{file}", results=RESULTS, run=RUNS, file=["metrics.json", "log.csv"]),
        [*DRAWING, "lprior/plane.py"],
        [str(path) for part in ("*.py", "templates/*") for path in sorted(Path("lprior/report").glob(part))],
    output:
        f"{RESULTS}/index.html",
    log:
        f"{LOGS}/gallery.txt",
    shell:
        "python -m lprior gallery {RESULTS} > {log} 2>&1"


rule sources:
    input:
        rules.readings.input,
        [str(path) for study in STUDIES for path in sorted(Path(OF_STUDIES, study).glob("*/metrics.json"))],
        expand("{results}/{run}/{file}", results=RESULTS, run=RUNS, file=["metrics.json", "log.csv"]),
        sorted(map(str, Path("lprior/report").rglob("*.py"))),
        [*DRAWING, "report/sheets.json"],
        [str(path) for name in ("retraced.csv", "trials.csv") for path in Path("docs").glob(name)],
        sorted(map(str, Path("benchmarks/results").glob("*.json"))),
        [str(path) for path in sorted(Path("report").rglob("*")) if path.suffix in (".tex", ".bib")],
    output:
        f"{BUILD}/values.tex",
        f"{BUILD}/main.tex",
    log:
        f"{LOGS}/report.txt",
    params:
        unavailable=UNAVAILABLE,
        diverged=DIVERGED,
        sheets=f"--sheets {SHEETS!r}" if SHEETS else "",
    shell:
        "python -m lprior report {RESULTS} {BUILD} {RUNS} --unavailable {params.unavailable} "
        "--diverged {params.diverged} --studies {OF_STUDIES} {params.sheets} > {log} 2>&1"


rule pdf:
    input:
        rules.sources.output,
    output:
        pdf_of(PRESET),
    log:
        f"{LOGS}/pdf.txt",
    shell:
        "(bash report/build.sh {BUILD} && cp {BUILD}/main.pdf {output}) > {log} 2>&1"
