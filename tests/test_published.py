"""What the README says of the published runs is what their files say."""

import re
from pathlib import Path

import pytest

from lprior import config as presets
from lprior import runs as variants
from lprior.model import load
from lprior.results import OF_FIRST_SEED, OF_STUDIES, PUBLISHED, RunFolder
from lprior.report.tables import FORMATS, spread, table_of

ROOT = Path(__file__).parents[1]
RUNS = sorted(path.parent for path in (ROOT / "results" / "published").glob("*/config.json"))


def test_there_is_a_run_of_each_algorithm():
    assert {"mnist-aae-s0", "mnist-lpaae-s0", "mnist-vaegan-s0"} <= {run.name for run in RUNS}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_a_published_run_is_complete_small_and_as_its_preset_says(run):
    first = RunFolder(run).config().seed == 0
    assert {path.name for path in run.iterdir()} == set(PUBLISHED) - set(() if first else OF_FIRST_SEED)
    assert sum(path.stat().st_size for path in run.iterdir()) < 8.5e6  # many epochs in colour
    config = RunFolder(run).config()
    assert config == presets.resolve(**presets.parse_run(run.name), preset=config.preset)


@pytest.mark.parametrize("study", presets.STUDIES)
def test_the_published_runs_of_a_study_are_all_of_it(study):
    runs = [RunFolder(path.parent) for path in sorted((ROOT / "results" / "published" / study).glob("*/metrics.json"))]
    assert {run.path.name for run in runs} == set(presets.runs_of(study, "mnist")) or not runs
    for run in runs:
        assert run.config() == presets.resolve(**presets.parse_run(run.path.name), preset=study)
        assert {path.name for path in run.path.iterdir()} == set(OF_STUDIES)


def test_there_are_three_seeds_of_each_model():
    assert {run.name for run in RUNS} >= {f"mnist-{model}-s{seed}" for model in presets.MODELS for seed in range(3)}


def test_all_published_files_are_small():
    """A clone should be quick. Every seed's weights are there, so that every number can be verified, and of one seed
    the pictures, of which those in colour compress badly."""
    assert sum(path.stat().st_size for path in (ROOT / "results" / "published").rglob("*") if path.is_file()) < 95e6


@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
@pytest.mark.parametrize("model", presets.MODELS)
def test_the_readme_states_the_metrics(model, dataset):
    table = table_of(RunFolder(run) for run in RUNS)
    group = table[(table["key"] == model) & (table["dataset"] == dataset)]
    cells = [spread(group[name], FORMATS[name]).strip("$").replace("\\pm", "±") for name in ("score", "sheet", "FID")]
    expected = f"| {variants.TITLES[model]} | {len(group)} | {' | '.join(cells)} |"
    assert expected in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_published_weights_draw_the_published_samples(run):
    from lprior import figures

    drawn = load(run).sample()
    published = figures.tiles(run / "samples.png", drawn.shape[-1], padding=2)[:, : drawn.shape[1]]
    difference = (drawn.float() - published.float()).abs()
    # Weights in half precision, and another machine, move a pixel by some of its 255 steps; other digits by a hundred.
    assert difference.mean() < 0.5 and difference.max() <= 20


def test_the_three_lines_of_the_readme_work(monkeypatch):
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(ROOT)
    found = {}
    exec(block, found)
    assert found["images"].shape == (100, 1, 28, 28)
