"""What notebooks say of a run."""

import html
import inspect
import re
import textwrap
from dataclasses import replace

import pytest

import lprior.report.studies  # noqa: F401
from lprior.algorithms.aae import AAE
from lprior.algorithms.conditions import Unsupervised
from lprior.config import resolve
from lprior.data import DATASETS
from lprior.notebooks import comparison, words
from lprior.notebooks.comparison import PUBLISHED
from lprior.notebooks.configuration import configure
from lprior.results import RunFolder
from lprior.runs import parse_run

SENTENCES = [(name, picture) for name, pictures in words.SENTENCES.items() for picture in pictures]


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_question_is_whether_they_are_what_the_data_show(dataset):
    text = words.question(resolve("aae", dataset, "quick")).data
    assert text.startswith(f"## Are they {DATASETS[dataset].things}?\n")


def test_the_summary_has_what_differs_from_the_preset():
    text = words.summary(configure("lpaae", "mnist", "quick", "norm", 1, 2, "width=8")).data
    first, *rows = text.splitlines()
    assert "mnist-lpaae-norm-s1" in first and "`quick`" in first
    differing = {"| epochs | 2 | given |", "| width | 8 | given |", "| squared | False | variant norm |"}
    assert {*rows[3:]} == differing | {"| lam | 1.0 | variant norm |"}


def test_source_is_folded_in_colours_that_need_no_script_or_style_sheet():
    shown = words.source(AAE.train_step, Unsupervised).data
    folded = re.fullmatch(r"<details><summary>source</summary>(.*)</details>", shown, re.DOTALL)[1]
    assert not re.search("<script|<style|class=.(?!highlight)|<details open", shown) and "color: #008000" in folded
    text = html.unescape(re.sub("<[^>]+>", "", folded))
    first, second = inspect.getsource(AAE.train_step), inspect.getsource(Unsupervised)
    assert text.strip() == f"{textwrap.dedent(first)}\n{second}".strip()


def test_a_run_as_the_preset_has_it_needs_one_line():
    text = words.summary(configure("aae", "cifar10", "smoke", "", 0, None, "")).data
    assert text == "**cifar10-aae-s0**, all as the preset `smoke` has it."


def test_the_table_has_every_value():
    asked = configure("vaegan", "cifar10", "quick", "", 0, None, "gamma=1")
    table = words.table(asked)
    assert list(table.loc["gamma"]) == [1, "given"] and list(table.loc["width"]) == [32, "budget quick"]
    assert set(table.index) == set(asked.layers) and len(table) > 20


@pytest.mark.parametrize(("name", "picture"), SENTENCES)
def test_a_published_run_is_recognised_whatever_its_number_of_epochs(name, picture):
    config = RunFolder(PUBLISHED / name).config()
    assert config == resolve(**parse_run(name), preset=config.preset)  # as a notebook resolves it
    for epochs in (2, config.epochs):
        assert words.published(replace(config, epochs=epochs), picture).data == words.SENTENCES[name][picture]


@pytest.mark.parametrize(
    "other",
    [
        {"preset": "smoke"},
        {"preset": "full"},
        {"preset": "ablation"},
        {"dataset": "fashion-mnist"},
        {"dataset": "mnist5k"},
        {"variant": "fixed"},
        {"variant": "long"},
        {"seed": 1},
        {"seed": 9},
        {"lam": 20.0},
        {"width": 8},
        {"images": 1000},
    ],
    ids=str,
)
def test_nothing_is_said_of_the_published_run_beside_another(other):
    config = resolve(**{"algorithm": "lpaae", "dataset": "mnist", "preset": "quick", **other})
    assert words.published(config, "samples") is None and words.published(config, "evolution") is None


def test_nothing_is_said_where_nothing_is_published(tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, "PUBLISHED", tmp_path)
    assert words.published(resolve("lpaae", "mnist", "quick"), "samples") is None


@pytest.mark.parametrize(("name", "picture"), SENTENCES)
def test_sentences_fit_their_data(name, picture):
    text = words.SENTENCES[name][picture]
    assert text.startswith("In the published run ")
    assert name.startswith("mnist-") or not any(word in text for word in ("digit", "stroke"))


def measured(folder, **metrics) -> RunFolder:
    """A run that the published one repeats, after 2 epochs, with these metrics and the published sheet."""
    result = RunFolder(folder)
    result.write_json("config.json", resolve("lpaae", "mnist", "quick", epochs=2).to_dict())
    result.write_json("metrics.json", metrics)
    (folder / "samples.png").write_bytes((PUBLISHED / "mnist-lpaae-s0" / "samples.png").read_bytes())
    return result


def test_metrics_are_in_words_with_units_the_mixture_and_the_published_run_beside_them(tmp_path):
    given = {
        "fid_mnist_clf1_2k_test": 1.234, "gmm10_fid_mnist_clf1_2k_test": 2.5, "kid_mnist_clf1_2k_test": 0.01,
        "score_mnist_clf1_sheet100": 8.0, "histogram_mnist_clf1_2k": [0.05, 0.95], "precision_x_2k_test": "no value",
        "fid_mnist_resnet_clf1_2k_test": 5.5,
    }  # fmt: skip
    table = words.metrics(measured(tmp_path, **given))
    ours, mixture, theirs = (table[column] for column in table)
    heads = [("this run", "2,000"), (words.MIXTURE, "2,000"), ("published, 20 epochs", "10,000")]
    assert list(table) == [f"{head}, of {count} samples" for head, count in heads]
    assert dict(ours) | {
        "FID (less is better)": "1.23", "KID times 1000 (less is better)": "10",
        "FID by the second judge (less is better)": "5.50", "score of the sheet (more is better)": "8.00",
        "rarest class % (more is better)": "5.0", "commonest class % (less is better)": "95.0",
        "precision (more is better)": "no value",
    } == dict(ours)  # fmt: skip
    assert mixture["FID (less is better)"] == "2.50"
    assert mixture["KID times 1000 (less is better)"] == "–"
    assert theirs["FID (less is better)"] == "0.86"
    assert theirs["FID by the second judge (less is better)"] == "0.35"
    assert theirs["Parzen log-likelihood nats (more is better)"] == "228"


def test_a_column_without_values_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, "PUBLISHED", tmp_path / "nowhere")
    assert list(words.metrics(measured(tmp_path, fid_mnist_clf1_2k_test=1.0))) == ["this run, of 2,000 samples"]


def test_the_published_sheet_is_beside_one_s_own(tmp_path, monkeypatch):
    result = measured(tmp_path)
    assert words.samples(result).width == 2 * (2 * 302 + 16)
    assert "right those of the published run, after 20 epochs" in words.question(result.config()).data
    monkeypatch.setattr(comparison, "PUBLISHED", tmp_path / "nowhere")
    assert words.samples(result).width == 2 * 302 and "right" not in words.question(result.config()).data
