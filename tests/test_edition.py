"""What is published, made anew by one command: which runs, by which code, and where they go."""

import json
from argparse import Namespace
from pathlib import Path

import pytest

import lprior.report.studies  # noqa: F401  (studies are presets, too)
from lprior import provenance, publish
from lprior.errors import UserError
from lprior.runs import STUDIES
from lprior.workflow import edition
from lprior.workflow.edition import Stage, finished, stages

OPTIONS = Namespace(preset="edition", dataset=None, target="report", seeds=None, dry_run=False, force=False, jobs="2")
STAGE = Stage("smoke", "mnist5k", "runs", "0 1")


@pytest.fixture
def few(monkeypatch, tmp_path):
    """An edition of one stage of two models' runs, in a folder of its own, of a clean commit."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(edition, "stages", lambda on_gpu: [STAGE])
    monkeypatch.setattr("lprior.runs.models", lambda: ["aae"])
    monkeypatch.setattr("lprior.runs.BESIDE", {})
    monkeypatch.setattr(provenance, "git_commit", lambda: "abc")
    return tmp_path


def made(name: str, code: dict[str, str]) -> Path:
    folder = Path("results/smoke", name)
    folder.mkdir(parents=True, exist_ok=True)
    origin = dict.fromkeys(("commit", "device", "precision", "data", "data_sha256"), "") | {"threads": 1}
    written = {"config.json": {}, "metrics.json": {}, "provenance.json": origin | {"code_sha256": code}}
    for file, content in written.items():
        (folder / file).write_text(json.dumps(content))
    return folder


def test_an_edition_has_all_studies_and_the_gpu_s_runs_only_on_one():
    on_cpu, on_gpu = stages(False), stages(True)
    assert {stage.preset for stage in on_cpu} == {"quick", *STUDIES}
    assert Stage("codes", "mnist") in on_cpu and Stage("text", "scenes") in on_cpu
    assert {stage.preset for stage in on_gpu} - {stage.preset for stage in on_cpu} == {"full"}
    assert on_cpu[0] == Stage("quick", "mnist", "readings", "0 1 2 3 4")


def test_what_is_made_is_published(few, monkeypatch):
    published, asked = [], []
    monkeypatch.setattr(publish, "publish", lambda source, to: published.append((str(source), str(to))))

    def run(options):
        asked.append((options.preset, options.dataset, options.target, options.seeds, options.jobs))
        made("mnist5k-aae-s0", provenance.code_sha256())

    edition.edition(OPTIONS, False, run)
    assert asked == [("smoke", "mnist5k", "runs", "0 1", "2")]
    assert published == [("results/smoke/mnist5k-aae-s0", "results/published/smoke")]


def test_a_dry_run_publishes_nothing(few, monkeypatch):
    monkeypatch.setattr(publish, "publish", lambda source, to: pytest.fail("published"))
    made("mnist5k-aae-s0", {})
    edition.edition(Namespace(**vars(OPTIONS) | {"dry_run": True}), False, lambda options: None)


def test_runs_of_other_code_are_refused_before_anything_is_trained(few):
    made("mnist5k-aae-s1", {"training": "0", "evaluation": "0"})
    with pytest.raises(UserError, match="mnist5k-aae-s1 was made by other code"):
        edition.edition(OPTIONS, False, lambda options: pytest.fail("trained"))


def test_a_run_that_other_code_has_resumed_is_refused(few):
    path = made("mnist5k-aae-s1", provenance.code_sha256()) / "provenance.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"resumed": [{"code_sha256": "0"}]}))
    with pytest.raises(UserError, match="mnist5k-aae-s1 was made by other code"):
        edition.edition(OPTIONS, False, lambda options: pytest.fail("trained"))


def test_an_edition_is_of_one_commit(few, monkeypatch):
    monkeypatch.setattr(provenance, "git_commit", lambda: "abc+")
    with pytest.raises(UserError, match="not committed"):
        edition.edition(OPTIONS, False, lambda options: pytest.fail("trained"))


def test_notebooks_that_read_runs_belong_to_their_stage(few):
    run = made("mnist5k-aae-s0", {})
    for folder in (run, Path("results/smoke/latent_space")):
        folder.mkdir(exist_ok=True)
        (folder / "notebook.ipynb").touch()
    assert [path.name for path in finished(STAGE)] == ["mnist5k-aae-s0"]
    assert [path.name for path in finished(STAGE._replace(target="readings"))] == ["mnist5k-aae-s0", "latent_space"]
