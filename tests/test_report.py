import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from latex import COLUMNS, arguments, pictures, rows, shown, values

from lprior.errors import UserError
from lprior.evaluation.metrics import METRICS, by_title
from lprior.report.document import write_report
from lprior.report.frame import named, table_of
from lprior.report.latex import MISSING, escape, header
from lprior.report.tables import RESULTS, results_table
from lprior.results import RunFolder


@pytest.fixture
def runs(finished, tmp_path) -> Path:
    """A copy of the finished runs that a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "runs"))


@pytest.fixture(scope="module")
def written(finished, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("report")
    write_report(finished, output, [])
    return output


def change_metrics(folder: Path, **changes) -> None:
    """Change metrics by the beginning of their key; None deletes."""
    path = folder / "metrics.json"
    metrics = json.loads(path.read_text())
    for beginning, value in changes.items():
        key = next(key for key in metrics if key.startswith(beginning))
        if value is None:
            del metrics[key]
        else:
            metrics[key] = value
    path.write_text(json.dumps(metrics))


def all_of(runs: Path) -> pd.DataFrame:
    return table_of(RunFolder(path) for path in sorted(runs.glob("mnist5k-*")))


def copy_run(runs: Path, algorithm: str, seed: int, **metrics) -> None:
    """A run of another seed, made from the one of seed 0."""
    folder = Path(shutil.copytree(runs / f"mnist5k-{algorithm}-s0", runs / f"mnist5k-{algorithm}-s{seed}"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"seed": seed}))
    change_metrics(folder, **metrics)


def test_every_result_that_the_text_names_is_defined(written):
    named = arguments("res", shown(written))
    assert len(named) > 20
    assert named <= set(values(written))


def test_every_value_is_a_text_without_holes(written):
    for key, value in values(written).items():
        assert value.strip(), key
        assert not re.search(r"\b(nan|None|NaT|inf)\b", value), f"{key}: {value}"


def test_every_picture_that_the_text_includes_exists(written):
    named = arguments("includegraphics", shown(written))
    assert named and named <= pictures(written)


@pytest.mark.parametrize(
    ("command", "pattern"),
    [("tablerows", "tables/{}.tex"), ("tablehead", "tables/{}-head.tex"), ("input", "{}.tex")],
)  # fmt: skip
def test_every_file_that_the_text_includes_exists(written, command, pattern):
    named = arguments(command, shown(written))
    assert named
    assert [name for name in named if not (written / pattern.format(name)).exists()] == []


def test_a_head_says_titles_units_and_the_better_direction():
    assert header(("FID", "KID", "commonest", "Parzen sigma"), ("model",)) == (
        r" &  &  &  & Parzen \\" "\n"
        r"model & FID & KID & commonest & sigma \\" "\n"
        r" & $\downarrow$ & $\times 1000$ $\downarrow$ & \% $\downarrow$ &  \\" "\n"
    )  # fmt: skip
    assert header(("FID",)).splitlines()[0] == r"model & $n$ & FID \\"


def test_every_metric_can_head_a_column():
    for title in named({}):
        cells = [line.removesuffix(r" \\").split(" & ")[-1] for line in header(("FID", title)).splitlines()]
        assert " ".join(filter(None, cells[:-1])) == title
        arrow = {True: r"$\uparrow$", False: r"$\downarrow$", None: ""}[by_title(title).higher_is_better]
        assert cells[-1].endswith(arrow) and cells[-1].startswith(by_title(title).unit)
    assert set(named({})) >= {metric.title for metric in METRICS if not metric.parts}


@pytest.mark.parametrize("name", ["results", "more", "conditional", "networks"])
def test_the_head_of_a_table_has_as_many_cells_as_its_rows(written, name):
    head = (written / "tables" / f"{name}-head.tex").read_text()
    lines = [line for line in (written / "tables" / f"{name}.tex").read_text().splitlines() if " & " in line]
    assert all(line.count(" & ") == head.splitlines()[0].count(" & ") for line in [*head.splitlines(), *lines])


def test_the_text_types_no_column_of_metrics_by_hand(written):
    """Each table of models has the head that was generated with it."""
    text = shown(written)
    assert arguments("tablehead", text) >= {"results", "more", "conditional", "networks", "settings"}
    typed = [line for line in text.splitlines() if re.search(rf"(^|& )({'|'.join(RESULTS)}) (&|\\\\)", line)]
    assert typed == []


def test_no_section_is_a_placeholder(written):
    assert not re.search(r"^[A-Z]{3,}$|\b(TODO|TBD|FIXME|XXX)\b", shown(written), re.MULTILINE)


def test_values_are_those_of_the_runs(written, finished):
    run = RunFolder(finished / "mnist5k-lpaae-s0")
    metrics, found = run.read_json("metrics.json"), values(written)
    assert found["lpaae/FID"] == f"{metrics['fid_mnist_clf1_1k_test']:.2f}"
    assert found["lpaae/score"] == f"{metrics['score_mnist_clf1_1k']:.2f}"
    assert found["lpaae/rarest"] == f"{100 * min(metrics['histogram_mnist_clf1_1k']):.1f}"
    assert (found["lpaae/run"], found["lpaae/epochs"]) == ("mnist5k-lpaae-s0", "1")
    assert rows(written)["LP-AAE"]["FID"] == found["lpaae/FID"]


def test_no_metric_hides_another_one():
    metrics = {"within_precision_mnist_clf1_1k_test": 0.5, "within_recall_mnist_clf1_1k_test": 0.25}
    found = named(metrics | {"fid_inception_1k_test": 3.0, "fid_mnist_clf1_1k_test": 2.0})
    assert (found["precision within"], found["recall within"]) == (50, 25)  # per cent
    assert found["precision"] is None and found["recall"] is None
    assert (found["FID"], found["Inception FID"]) == (2.0, 3.0)
    assert named({})["Inception FID"] is None  # what nobody measured has a place, too


def test_a_report_on_embedded_digits_says_so(written):
    assert "Not MNIST itself" in values(written)["note"]


@pytest.mark.parametrize("change", [{"fid": None}, {"fid": "broken"}], ids=str)
def test_a_metric_that_is_missing_or_no_number_is_a_dash_in_the_table(runs, change):
    change_metrics(runs / "mnist5k-aae-s0", **change)
    table = results_table(all_of(runs))
    row = dict(zip(COLUMNS, table.rows.splitlines()[0].removesuffix(" \\\\").split(" & "), strict=True))
    assert (row["model"], row["FID"]) == ("AAE", MISSING)
    assert row["score"] != MISSING


@pytest.mark.parametrize("change", [{"fid": "a reason"}, {"fid": None}], ids=str)
def test_a_metric_that_is_missing_or_no_number_is_a_dash_in_the_text(runs, tmp_path, change):
    change_metrics(runs / "mnist5k-aae-s0", **change)
    write_report(runs, tmp_path / "report", [])
    assert values(tmp_path / "report")["aae/FID"] == "--"
    assert rows(tmp_path / "report")["AAE"]["FID"] == MISSING


def test_several_seeds_are_shown_as_mean_and_standard_deviation(runs, tmp_path):
    change_metrics(runs / "mnist5k-lpaae-s0", fid=10.0)
    copy_run(runs, "lpaae", 1, fid=14.0)
    write_report(runs, tmp_path / "report", [])
    row = rows(tmp_path / "report")["LP-AAE"]
    assert (row["n"], row["FID"]) == ("2", r"$12.00 \pm 2.83$")
    assert rows(tmp_path / "report")["AAE"]["n"] == "1"


def test_one_bad_seed_is_not_hidden_in_a_mean(runs, tmp_path):
    copy_run(runs, "lpaae", 1, fid="a reason")
    write_report(runs, tmp_path / "report", [])
    assert rows(tmp_path / "report")["LP-AAE"]["FID"] == MISSING


def test_the_text_has_means_over_seeds_and_shows_the_first_one(runs, tmp_path):
    copy_run(runs, "lpaae", 10, fid=77.0)
    copy_run(runs, "lpaae", 2, fid=55.0)
    write_report(runs, tmp_path / "report", [])
    assert values(tmp_path / "report")["lpaae/run"] == "mnist5k-lpaae-s0"
    write_report(runs, tmp_path / "report", ["mnist5k-lpaae-s10", "mnist5k-lpaae-s2"])
    found = values(tmp_path / "report")
    assert (found["lpaae/FID"], found["lpaae/seeds"]) == (r"$66.00 \pm 15.56$", "2 seeds")
    assert found["lpaae/run"] == "mnist5k-lpaae-s2"


def test_the_second_judge_has_a_table_beside_or_a_sentence_says_that_it_is_missing(written, runs, tmp_path):
    metrics = json.loads((runs / "mnist5k-lpaae-s0" / "metrics.json").read_text())
    assert rows(written, "second")["LP-AAE"]["FID"] == f"{metrics['fid_mnist_resnet_clf1_1k_test']:.2f}"
    assert rows(written)["LP-AAE"]["FID"] == f"{metrics['fid_mnist_clf1_1k_test']:.2f}"
    assert "second" in arguments("tablerows", shown(written))
    for path in runs.glob("*/metrics.json"):
        path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if "_resnet_" not in k}))
    write_report(runs, tmp_path, [])
    assert "second" not in arguments("tablerows", shown(tmp_path))
    assert values(tmp_path)["second"].startswith("It has measured none of the runs yet")
    assert r"\res{second}" in shown(tmp_path)


def test_a_data_set_without_a_classifier_is_reported_with_dashes(runs, tmp_path):
    """Fashion-MNIST can be trained, and what cannot be measured on it must not stop its report."""
    for folder in runs.iterdir():
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"dataset": "fashion-mnist"}))
        error = json.loads((folder / "metrics.json").read_text())["reconstruction_mse_test"]
        (folder / "metrics.json").write_text(json.dumps({"reconstruction_mse_test": error}))
    write_report(runs, tmp_path / "report", [])
    assert arguments("res", shown(tmp_path / "report")) <= set(values(tmp_path / "report"))
    assert values(tmp_path / "report")["aae/score"] == "--"
    assert rows(tmp_path / "report")["AAE"]["score"] == MISSING


def test_figures_of_runs_that_are_no_longer_reported_disappear(finished, tmp_path):
    write_report(finished, tmp_path, [])
    write_report(finished, tmp_path, ["mnist5k-aae-s0"])
    assert {path.name.partition("-")[0] for path in (tmp_path / "figures").iterdir()} == {"aae", "real", "progress.pdf"}


def test_the_same_runs_give_the_same_report_byte_for_byte(finished, written, tmp_path):
    write_report(finished, tmp_path, [])
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(written) for path in written.rglob("*") if path.is_file())
    assert [file for file in files if (tmp_path / file).read_bytes() != (written / file).read_bytes()] == []


def test_an_unfinished_run_cannot_be_reported(runs, tmp_path):
    (runs / "mnist5k-aae-s0" / "metrics.json").unlink()
    with pytest.raises(UserError, match="mnist5k-aae-s0.*finished run"):
        write_report(runs, tmp_path / "report", ["mnist5k-aae-s0"])


def test_a_folder_without_runs_cannot_be_reported(tmp_path):
    with pytest.raises(UserError, match="holds no finished run"):
        write_report(tmp_path, tmp_path / "report", [])


@pytest.mark.parametrize(
    ("text", "latex"),
    [("a_b", r"a\_b"), ("50 % & #1", r"50 \% \& \#1"), ("${x}", r"\$\{x\}"), ("plain", "plain")],
)  # fmt: skip
def test_escape_prefixes_what_latex_reads_as_commands(text, latex):
    assert escape(text) == latex


@pytest.mark.parametrize("character", "\\^~")
def test_escape_replaces_what_cannot_be_prefixed(character):
    r"""\^ and \~ are accents, and \\ is a line break."""
    assert re.fullmatch(r"a\\text[a-z]+(\{\}| )b", escape(f"a{character}b"))
