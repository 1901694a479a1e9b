# data -> runs (papermill) -> tables and figures -> report. `./run_all.sh` sets up and calls this; see its --help.
#
# A run resumes from the checkpoint in its folder, which is therefore not among the outputs declared here: Snakemake
# deletes the outputs of a job that it starts again.
from pathlib import Path

from lprior import presets
from lprior.__main__ import NOTEBOOKS

PRESET = config.get("preset", "quick")
DATASETS = str(config.get("dataset", "mnist")).split()
UNAVAILABLE = str(config.get("unavailable") or "").split()  # data sets that the report says were not at hand
SEEDS = [int(seed) for seed in str(config["seeds"]).split()] if config.get("seeds") else None
DEVICE = config.get("device", "auto")
JOBS = int(config.get("jobs") or workflow.cores)
FORCE = "--force" if config.get("force") else ""
PUBLISHED = PRESET == "published"
RESULTS = f"results/{PRESET}"
BUILD = f"build/report-{PRESET}"
PDF = "report/report.pdf" if PUBLISHED else f"{RESULTS}/report.pdf"
if PUBLISHED:
    RUNS = sorted(path.parent.name for path in Path(RESULTS).glob("*/metrics.json"))
else:
    RUNS = [run for dataset in DATASETS for run in presets.runs_of(PRESET, dataset, SEEDS)]
# Networks as small as these gain little from a second thread: runs side by side use a CPU better than threads in one.
THREADS = max(1, workflow.cores // max(1, min(JOBS, len(RUNS))))
STUDIES = RESULTS if PUBLISHED else "results"
FILES = [
    "metrics.json", "log.csv", "samples.png", "evolution.png", "evolution.gif", "reconstructions.png",
    "notebook.ipynb",
]  # fmt: skip


def notebook_of(wildcards):
    return f"notebooks/{NOTEBOOKS[presets.parse_run(wildcards.run)['algorithm']]}"


# Notebooks that read runs: each is executed, with these parameters, when the runs on digits are finished.
DIGITS = [run for run in RUNS if not run.startswith("cifar10-")]
if PUBLISHED or not DIGITS:
    READING = {}
elif PRESET in presets.STUDIES:
    READING = {"readings": {"folder": RESULTS}}
else:
    of_model = {
        presets.resolve(**presets.parse_run(run), preset=PRESET).model: f"{RESULTS}/{run}" for run in reversed(DIGITS)
    }
    READING = {
        "latent_space": {
            "learned": of_model["lpaae"], "fixed": of_model["lpaae-fixed"], "plane": of_model["lpaae-code_2"],
            "preset": PRESET, "output": f"{RESULTS}/latent_space",
        },
        "disentanglement": {name: of_model[f"lpaae-{name}"] for name in ("supervised", "unsupervised")},
    }  # fmt: skip


def settings_of(wildcards):
    """So that a changed preset makes the workflow run again what it made."""
    return str(presets.resolve(**presets.parse_run(wildcards.run), preset=PRESET).to_dict())


rule report:
    input:
        PDF,


rule runs:
    input:
        expand("{results}/{run}/metrics.json", results=RESULTS, run=RUNS),


rule readings:
    input:
        expand("{results}/{name}/notebook.ipynb", results=RESULTS, name=READING),


if not PUBLISHED:

    rule data:
        output:
            f"{RESULTS}/data-{{dataset}}.json",
        shell:
            "python -m lprior data {wildcards.dataset} > {output}"

    rule run:
        input:
            notebook=notebook_of,
            data=lambda wildcards: f"{RESULTS}/data-{presets.parse_run(wildcards.run)['dataset']}.json",
        output:
            [f"{RESULTS}/{{run}}/{file}" for file in FILES],
        wildcard_constraints:
            run=r"[^/]+-s\d+",
        params:
            settings=settings_of,
        threads: THREADS
        resources:
            run=1,
        shell:
            "OMP_NUM_THREADS={threads} python -m lprior run {wildcards.run} --notebook --preset {PRESET} "
            "--results results --device {DEVICE} {FORCE}"


    rule reading:
        input:
            notebook="notebooks/{name}.ipynb",
            runs=expand("{results}/{run}/metrics.json", results=RESULTS, run=DIGITS),
        output:
            f"{RESULTS}/{{name}}/notebook.ipynb",
        wildcard_constraints:
            name="latent_space|disentanglement|readings",
        params:
            given=lambda wildcards: " ".join(
                f"--set {name}={value}" for name, value in READING[wildcards.name].items()
            ),
        shell:
            "python -m lprior notebook {input.notebook} {output} {params.given}"


rule sources:
    input:
        rules.readings.input,
        [str(path) for study in presets.STUDIES for path in sorted(Path(STUDIES, study).glob("*/metrics.json"))],
        expand("{results}/{run}/{file}", results=RESULTS, run=RUNS, file=["metrics.json", "log.csv"]),
        [f"lprior/{name}.py" for name in ("report", "parts", "tables", "values", "variants", "claims", "studies")],
        sorted(map(str, Path("benchmarks/results").glob("*.json"))),
        "lprior/figures.py",
        [str(path) for path in sorted(Path("report").rglob("*")) if path.suffix in (".tex", ".bib")],
    output:
        f"{BUILD}/values.tex",
        f"{BUILD}/main.tex",
    params:
        unavailable=UNAVAILABLE,
    shell:
        "python -m lprior report {RESULTS} {BUILD} {RUNS} --unavailable {params.unavailable} --studies {STUDIES}"


rule pdf:
    input:
        rules.sources.output,
    output:
        PDF,
    shell:
        "bash report/build.sh {BUILD} && cp {BUILD}/main.pdf {output}"
