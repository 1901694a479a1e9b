"""What the README says of the published runs is what their files say."""

import json
from pathlib import Path

import pytest

from lprior import presets
from lprior.results import PUBLISHED, RunFolder
from lprior.model import load

ROOT = Path(__file__).parents[1]
RUNS = sorted(path.parent for path in (ROOT / "results" / "published").glob("*/config.json"))


def test_there_is_a_run_of_each_algorithm():
    assert {"mnist-aae-s0", "mnist-lpaae-s0", "mnist-vaegan-s0"} <= {run.name for run in RUNS}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_a_published_run_is_complete_small_and_as_its_preset_says(run):
    assert {path.name for path in run.iterdir()} == set(PUBLISHED)
    assert sum(path.stat().st_size for path in run.iterdir()) < 3e6
    config = RunFolder(run).config()
    assert config == presets.resolve(**presets.parse_run(run.name), preset=config.preset)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_the_readme_states_its_metrics(run):
    metrics = json.loads((run / "metrics.json").read_text())
    score, sheet, fid = (metrics[name] for name in ("score_mnist_clf1_10k", "score_mnist_clf1_sheet100", "fid_mnist_clf1_10k_test"))
    rows = [line for line in (ROOT / "README.md").read_text().splitlines() if run.name in line]
    assert any(f"| {score:.2f} | {sheet:.2f} | {fid:.2f} |" in row for row in rows)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_published_weights_draw_the_published_samples(run):
    from lprior import figures

    drawn = load(run).sample()
    published = figures.tiles(run / "samples.png", drawn.shape[-1], padding=2)[:, : drawn.shape[1]]
    difference = (drawn.int() - published.int()).abs()
    assert (difference <= 1).float().mean() > 0.999  # another machine may round a pixel otherwise
