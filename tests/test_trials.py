"""Trials: what is held out, what is recorded, and what is not."""

import csv
import re

import pytest

from lprior import __main__ as cli
from lprior.errors import TrainingDiverged, UserError
from lprior.report.document import write_report
from lprior.report.latex import MISSING, escape
from lprior.report.sweep import SWEEP, Sweep
from lprior.report.tables import trials_table
from lprior.results import RunFolder
from lprior.training import trials
from lprior.training.trials import COLUMNS, DONE, FILE, MEASURED, read, trial

NAMED = dict(
    algorithm="aae", dataset="mnist5k", preset="smoke", epochs=1, images=128, samples=100, width=2, validation=50
)  # fmt: skip


def attempt(tmp_path, why="does it run?", **changes):
    return trial(NAMED | changes, why, tmp_path / "results", tmp_path / "trials.csv", device="cpu")


def test_a_trial_is_measured_on_held_out_images_and_leaves_a_row(tmp_path):
    row = attempt(tmp_path)
    assert read(tmp_path / "trials.csv") == [row]
    (folder,) = (tmp_path / "results" / "trials").iterdir()
    metrics = RunFolder(folder).read_json("metrics.json")
    assert metrics.keys() >= {"fid_mnist_clf1_100_val"} and not [key for key in metrics if key.endswith("_test")]
    assert row["FID"] == f"{metrics['fid_mnist_clf1_100_val']:.2f}" and row["score"] and row["recall"]
    assert (row["dataset"], row["model"], row["seed"], row["epochs"]) == ("mnist5k", "aae", "0", "1")
    assert (row["held out"], row["outcome"], row["taken"], row["why"]) == ("50", DONE, "", "does it run?")
    assert "width=2" in row["changes"].split()
    with pytest.raises(UserError, match="held out of the training"):
        write_report(folder.parent, tmp_path / "report", [])
    with pytest.raises(UserError, match="finished trial"):
        attempt(tmp_path)
    assert len(read(tmp_path / "trials.csv")) == 1


def test_what_fails_is_recorded_too_and_what_never_began_is_not(tmp_path, monkeypatch):
    def diverges(config, folder, **_):
        RunFolder(folder).path.mkdir(parents=True)
        RunFolder(folder).write_json("config.json", config.to_dict())
        raise TrainingDiverged("a loss is no finite number")

    with pytest.raises(UserError, match="batch_size"):
        attempt(tmp_path, batch_size=500)
    assert read(tmp_path / "trials.csv") == []
    monkeypatch.setattr(trials, "run", diverges)
    with pytest.raises(TrainingDiverged):
        attempt(tmp_path, why="too fast,\nperhaps", learning_rate=1.0)
    (row,) = read(tmp_path / "trials.csv")
    assert row["outcome"] == "TrainingDiverged: a loss is no finite number"
    assert (row["FID"], row["why"]) == ("", "too fast, perhaps")
    monkeypatch.setattr(trials, "FILE", tmp_path / "trials.csv")
    assert "too fast, perhaps (TrainingDiverged: a loss is no finite number)" in trials_table().rows


def test_of_a_model_with_s_it_also_says_whether_s_is_obeyed_and_the_variety_within(tmp_path, monkeypatch):
    row = attempt(tmp_path, algorithm="lpaae", variant="supervised")
    (metrics,) = (RunFolder(path).read_json("metrics.json") for path in (tmp_path / "results" / "trials").iterdir())
    obeyed, within = (100 * metrics[f"{key}_mnist_clf1_100{end}"] for key, end in
                      (("accuracy_given_s", ""), ("within_recall", "_val")))  # fmt: skip
    assert row["outcome"] == f"done; obeyed {obeyed:.1f}; recall within {within:.1f}"
    monkeypatch.setattr(trials, "FILE", tmp_path / "trials.csv")
    assert f"does it run? (obeyed {obeyed:.1f}; recall within {within:.1f})" in trials_table().rows


def test_an_interrupted_trial_can_go_on_and_is_not_recorded(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(trials, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        attempt(tmp_path)
    assert read(tmp_path / "trials.csv") == []


@pytest.mark.parametrize(("why", "changes", "words"), [(" ", {}, "--why"), ("why not", {"validation": 0}, "held out")])
def test_a_trial_needs_a_reason_and_held_out_images(tmp_path, why, changes, words):
    with pytest.raises(UserError, match=words):
        attempt(tmp_path, why, **changes)


def test_a_trial_holds_out_5000_images_unless_told_otherwise(tmp_path, capsys):
    arguments = ["trial", "mnist5k-aae-s0", "--preset", "smoke", "--why", "x", "--results", str(tmp_path)]
    assert cli.main(arguments) == 2
    assert "validation 5000 leaves none" in capsys.readouterr().err  # of 4,500


def test_a_table_with_other_columns_is_refused_before_anything_is_trained(tmp_path):
    (tmp_path / "trials.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no table of trials"):
        attempt(tmp_path)
    assert not (tmp_path / "results").exists()


def test_the_published_trials_are_whole_and_in_the_report(monkeypatch, tmp_path):
    rows, shown = read(FILE), trials_table().rows.splitlines()
    assert rows and len(shown) == len(rows)
    for row, line in zip(rows, shown, strict=True):
        assert row["outcome"] and row["taken"] in ("", "yes", "no")
        assert int(row["held out"]) == 5000 and escape(row["why"].split()[0]) in line
        if row["outcome"].startswith(DONE):
            assert all(float(row[name]) >= 0 for name in trials.MEASURED)
    monkeypatch.setattr(trials, "FILE", tmp_path / "none.csv")
    assert set(COLUMNS) == set(rows[0]) and "None yet" in trials_table().rows


def sweep(tmp_path, *rows):
    """The sweep of trials (model, change, FID, recall)."""
    lines = [dict.fromkeys(COLUMNS, "") | {"model": model, "why": why, "FID": FID, "score": "8.00", "recall": recall}
             for model, why, FID, recall in rows]  # fmt: skip
    with (tmp_path / "trials.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(lines)
    return Sweep.read(tmp_path / "trials.csv")


def test_the_sweep_finds_each_models_lowest_FID_and_counts_where_the_learned_prior_is_ahead(tmp_path):
    found = sweep(
        tmp_path,
        ("lpaae", SWEEP + "as it is", "2.00", "0.50"), ("lpaae-fixed", SWEEP + "as it is", "3.00", "0.70"),
        ("lpaae", SWEEP + "faster", "2.50", "0.60"), ("lpaae-fixed", SWEEP + "faster", "1.50", "0.40"),
        ("lpaae", SWEEP + "slower", "2.60", "0.30"), ("lpaae-fixed", SWEEP + "slower", "", ""),
        ("lpaae", SWEEP + "of one model alone", "0.20", "0.90"),
        ("lpaae", "what is no part of the sweep", "0.10", "0.90"),
    )  # fmt: skip
    assert (found.models, found.changes) == (["lpaae", "lpaae-fixed"], ["as it is", "faster", "slower"])
    assert (found.best("lpaae"), found.best("lpaae-fixed")) == ("as it is", "faster")
    rows = found.table().rows.splitlines()
    assert rows[1] == r"faster & 2.50 & 8.00 & 0.60 & \textbf{1.50} & 8.00 & 0.40 \\"
    assert rows[2].split(" & ")[4] == MISSING
    said = found.in_words()
    assert "of LP-AAE ``as it is'' (2.00)" in said and "``faster'' (1.50, for 3.00 as it is)" in said
    assert "in FID in 1 of 2 settings, in score in 0 of 3 settings and in recall in 1 of 2 settings" in said


def test_the_kept_sweep_has_the_same_changes_of_each_model_and_the_results_state_them():
    found = Sweep.read()
    assert {"lpaae", "lpaae-fixed", "vaegan", "aae"} == set(found.models) and len(found.changes) == 7
    said = (FILE.parent / "results.md").read_text()
    for change in found.changes:
        of_models = (found.found[model, change] for model in found.models)
        cells = (" / ".join(one[name] for name in MEASURED) for one in of_models)
        assert f"| {change} | {' | '.join(cells)} |\n" in said


def test_the_results_state_the_trials_of_variety():
    said = (FILE.parent / "results.md").read_text()
    rows = [row for row in read(FILE) if row["why"].startswith("variety: ")]
    assert len(rows) == 13
    for row in rows:
        obeyed, within = re.fullmatch(r"done; obeyed ([\d.]+); recall within ([\d.]+)", row["outcome"]).groups()
        assert f"| {row['FID']} | {row['score']} | {obeyed} | {within} |\n" in said
