"""An algorithm that is added from outside, with nothing of the library touched, has a run, rows in the report's tables,
a page and an evolution figure."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from latex import arguments, pictures, shown

from lprior import algorithms

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "wae_mmd.py"
RUN = "mnist5k-wae-s0"


def wae(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT)


@pytest.fixture(scope="module")
def report(finished, tmp_path_factory) -> Path:
    """Of the finished runs and one of the example."""
    folder = tmp_path_factory.mktemp("example")
    (folder / "smoke").mkdir()
    for path in finished.iterdir():
        (folder / "smoke" / path.name).symlink_to(path)
    trained = wae("run", RUN, "--preset", "smoke", "--results", folder, "--set", "images=128", "--set", "epochs=1")
    assert (trained.returncode, trained.stderr) == (0, "")
    made = wae("report", folder / "smoke", folder / "report")
    assert (made.returncode, made.stderr) == (0, "")
    return folder / "report"


def test_the_run_is_like_any_other(report):
    folder = report.parent / "smoke" / RUN
    assert (folder / "evolution.gif").exists() and (folder / "model.safetensors").exists()
    metrics = json.loads((folder / "metrics.json").read_text())
    assert any(key.startswith("fid_mnist_clf") for key in metrics)
    assert "L_MMD" in (folder / "log.csv").read_text()


@pytest.mark.parametrize("table", ["results", "more", "cost"])
def test_it_has_a_row_in_each_table(report, table):
    lines = (report / "tables" / f"{table}.tex").read_text().splitlines()
    (row,) = [line for line in lines if line.startswith("WAE-MMD & ")]
    assert row.count("&") == next(line for line in lines if line.startswith("AAE & ")).count("&")


def test_it_has_a_page_with_its_evolution_and_nothing_is_missing(report):
    text = shown(report)
    assert r"\results{wae}{wae}{WAE-MMD}" in (report / "pages.tex").read_text()
    assert {"figures/wae-evolution", "figures/wae-course.pdf"} <= arguments("includegraphics", text)
    assert arguments("includegraphics", text) <= pictures(report)


def test_without_it_there_is_no_page(finished, tmp_path):
    from lprior.report.document import write_report

    write_report(finished, tmp_path / "report", [])
    assert "wae" not in (tmp_path / "report" / "pages.tex").read_text()


def test_the_command_line_knows_its_settings():
    told = wae("config", RUN, "--preset", "quick", "--set", "lam=5")
    lines = {line.split()[0]: line.split()[1:] for line in told.stdout.splitlines()}
    assert lines["lam"] == ["5", "given"] and lines["epochs"][0] == "20"
    assert "algorithm 'wea' is unknown: did you mean 'wae'" in wae("bench", "wea").stderr


@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_the_discrepancy_is_the_papers(shift, monkeypatch):
    """Against sums written out; and it tells codes that follow the prior from codes that do not."""
    monkeypatch.setattr(algorithms, "ALGORITHMS", {})  # what an import adds, other tests would find
    example = runpy.run_path(str(SCRIPT))
    SCALES, discrepancy = example["SCALES"], example["discrepancy"]
    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(6, 3, generator=generator, dtype=torch.float64) + shift
    z = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    expected = 0.0
    for scale in SCALES:
        for i in range(6):
            for j in range(6):
                k = [2 * 3 * scale / (2 * 3 * scale + ((a[i] - b[j]) ** 2).sum()) for a, b in
                     ((codes, codes), (z, z), (codes, z))]  # fmt: skip
                expected = expected + ((k[0] + k[1]) / 30 if i != j else 0) - 2 * k[2] / 36
    torch.testing.assert_close(discrepancy(codes, z), expected)
    assert (discrepancy(codes, z) > 1) == (shift > 0)
