"""The benchmarks measure what they say; nothing here depends on how fast the machine is."""

import importlib
import json
import sys
from pathlib import Path
from statistics import median

import pandas as pd
import pytest
import torch
from torch import nn

from lprior import __main__ as cli
from lprior.algorithms.objectives import log_one_minus_D
from lprior.benchmark import step as bench
from lprior.benchmark import timing
from lprior.config import build, resolve
from lprior.errors import UserError
from lprior.model import load

FOLDER = Path(__file__).parents[1] / "benchmarks"
# Each script with the smallest options that go through all of it.
SCRIPTS = {
    "tutorial_loop": ["--updates", "1"],
    "pythae_side_by_side": ["--updates", "1"],
    "scheme_2018": [],
    "cost_growth": ["--updates", "4", "--epochs", "5"],
    "time_to_quality": ["--dataset", "mnist5k", "--images", "128", "--epochs", "1"],
    "import_time": [],
    "threads": ["--epochs", "1", "--seeds", "0"],
    "two_runs": ["--updates", "2"],
}


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(bench, "PEAK_SIZE", {"cpu": 64, "cuda": 64})


def test_a_variant_is_what_a_preset_says_but_for_its_changes():
    variant = bench.parse_variant("lpaae:engine=eager,width=3,prior=fixed,preset=smoke", {"width": 9, "batch_size": 8})
    assert variant.config == resolve("lpaae", "mnist", "smoke", width=3, batch_size=8, prior="fixed")
    assert (variant.engine, variant.precision) == ("eager", "auto")
    assert bench.parse_variant("aae").config == resolve("aae", "mnist", "quick")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["lpae"], "'lpae'"),
        (["--networks", "compakt"], "'compakt'"),
        (["--precision", "half"], "precision 'half' is unknown"),
        (["--engine", "graph", "--device", "cpu"], "engine graph needs a CUDA device"),
        (["--compare", "aae:width"], "takes NAME=VALUE, not 'width'"),
        (["--compare", "aae:widht=3"], "'widht' is unknown: did you mean 'width'"),
        (["--repeats", "0"], "repeats must be at least 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_bench_is_refused_in_one_line(capsys, arguments, named):
    assert cli.main(["bench", "--preset", "smoke", *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and named in lines[0]


def test_bench_measures_variants_in_turns_and_writes_json(tiny, tmp_path, capsys):
    options = ["--preset", "smoke", "--width", "2", "--batch-size", "8", "--device", "cpu", "--seconds", "0.01"]
    compared = ["vaegan:precision=float32", "vaegan:precision=float32,width=4", "aae:precision=bfloat16"]
    file = tmp_path / "bench.json"
    assert cli.main(["bench", *options, "--repeats", "3", "--json", str(file), "--compare", *compared]) == 0
    output, measured = capsys.readouterr().out, json.loads(file.read_text())
    assert all(f"| {name} | eager |" in output for name in compared)
    first, wider, other = measured["variants"]
    assert (first["width"], wider["width"], first["batch_size"]) == (2, 4, 8)
    assert [row["precision"] for row in (first, wider, other)] == ["float32", "float32", "bfloat16"]
    assert wider["flops_per_step"] > 2 * first["flops_per_step"] > 0
    assert first["times_faster_than_first"] == {"median": 1, "min": 1, "max": 1}
    assert first["images_per_second"]["median"] == pytest.approx(8 / first["seconds_per_step"]["median"])
    assert first["seconds_per_epoch"]["median"] == pytest.approx(7500 * first["seconds_per_step"]["median"])
    for row in measured["variants"]:
        for value in row.values():
            if isinstance(value, dict):
                assert 0 < value["min"] <= value["median"] <= value["max"]


@pytest.mark.cuda
def test_a_graph_is_one_replay_and_few_launches():
    variants = [bench.parse_variant(f"lpaae:preset=smoke,engine={engine}") for engine in ("eager", "graph")]
    eager, graph = bench.bench(variants, "cuda", repeats=1, seconds=0.1, peak_size=512)["variants"]
    assert (eager["graph_replays"], graph["graph_replays"]) == (0, 1)
    assert eager["kernel_launches"] > 100 > graph["kernel_launches"]
    assert graph["peak_memory_bytes"] > 0


def test_flops_are_those_of_forward_and_backward():
    """A linear layer without bias: the product itself and the gradient of its weight; inputs have no gradient."""

    class Step(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Linear(5, 7, bias=False)
            self.engine = self

        def inputs(self, x):
            return {"x": x}

        def eager(self, x):
            torch.autograd.grad(self.net(x).sum(), self.net.weight)

    step = Step()
    assert bench.flops(step, torch.zeros(11, 5)) == 2 * (2 * 11 * 5 * 7)


def test_contenders_take_turns_in_alternating_order():
    calls = []
    contenders = {name: lambda name=name: calls.append(name) or 1.0 for name in "abc"}
    assert timing.alternate(contenders, 3) == {name: [1.0] * 3 for name in "abc"}
    assert "".join(calls) == "abccbaabc"


def test_ratios_are_taken_turn_by_turn():
    assert timing.ratios([2.0, 20.0, 9.0], [1.0, 10.0, 3.0]) == {"median": 2, "min": 2, "max": 3}


def test_every_script_is_tested():
    of_gpu = {"on_gpu", "gpu_order", "parcels", "side_by_side"}  # test_on_gpu.py
    below = {"speedrun", "first_picture", "measuring", "pythae_quality"}
    elsewhere = {"common", "pythae_trainers", *below, *of_gpu}
    assert {path.stem for path in FOLDER.glob("*.py")} == {*elsewhere, *SCRIPTS}


def script(monkeypatch, name: str):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module(name)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_prints_a_table_and_writes_its_file(monkeypatch, tmp_path, capsys, name):
    if name == "pythae_side_by_side":
        pytest.importorskip("pythae")
    common = [] if name == "import_time" else ["--preset", "smoke", "--width", "2", "--device", "cpu"]
    main = script(monkeypatch, name).main
    if name == "import_time":
        monkeypatch.setattr(sys.modules[name], "MODULES", ("lprior", "lprior.__main__"))
    main([*common, *SCRIPTS[name], "--repeats", "1", "--output", str(tmp_path)])
    written = json.loads((tmp_path / f"{name}.json").read_text())
    output = capsys.readouterr().out
    assert len(written["rows"]) >= 2 and all(f"| {row['name']} |" in output for row in written["rows"])
    assert written["machine"]["device"] and str(tmp_path) not in json.dumps(written)


def test_the_parts_of_measuring_add_up(monkeypatch, finished, tmp_path):
    run = finished / "mnist5k-aae-s0"
    script(monkeypatch, "measuring").main(["--run", str(run), "--repeats", "1", "--output", str(tmp_path)])
    rows = json.loads((tmp_path / "measuring.json").read_text())["rows"]
    *parts, whole = [row["seconds"]["median"] for row in rows]
    assert all(part > 0 for part in parts) and sum(parts) == pytest.approx(whole)
    assert load(run).in_batches.__name__ == "in_batches"  # nothing is counted any more


@pytest.mark.parametrize("epochs", ["3", "12"])
def test_cost_growth_needs_epochs_that_can_be_divided(monkeypatch, epochs):
    with pytest.raises(UserError, match=f"--epochs must be divisible by 5, not {epochs}"):
        script(monkeypatch, "cost_growth").main(["--epochs", epochs])


def test_time_to_quality_reads_the_log_of_a_run(monkeypatch, tmp_path):
    quality = script(monkeypatch, "time_to_quality")
    log = {"epoch": [1, 2, 3], "seconds": [10.0, 12.0, 11.0], "score_mnist_clf1_2k": [7.0, 8.5, 8.9]}
    pd.DataFrame(log).to_csv(tmp_path / "log.csv", index=False)
    found = quality.scores_of_run(str(tmp_path))
    assert found == [(10.0, 7.0), (22.0, 8.5), (33.0, 8.9)]
    assert {key: value for key, value in quality.row("ours", found).items() if key.startswith("score")} == {
        "score 8": "22 s", "score 9": "-"
    }  # fmt: skip
    pd.DataFrame(log).drop(columns="score_mnist_clf1_2k").to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(UserError, match="no score of 2,000 samples"):
        quality.scores_of_run(str(tmp_path))


def test_the_tutorial_moves_every_network_once(monkeypatch):
    config = resolve("lpaae", "mnist", "smoke", width=2)
    tutorial = script(monkeypatch, "tutorial_loop").tutorial(config, torch.device("cpu"))
    losses = tutorial.train_step(torch.rand(4, 1, 28, 28), torch.randn(1, 4, 8))
    assert losses.keys() == {"L_GAN_C", "L_rec", "L_GAN_I"}
    for optimizer in vars(tutorial.opt).values():
        assert {state["step"].item() for state in optimizer.state.values()} == {1}


def test_the_tutorial_s_CG_hears_of_D_C_as_ours_does(monkeypatch):
    """Without a wish of D_I, CG has the gradient of `lam_CG` times log(1 - D_C) alone, with its sign turned."""
    config = resolve("lpaae", "mnist", "smoke", width=2, lam_CG=0.5)
    tutorial, z = script(monkeypatch, "tutorial_loop").tutorial(config, torch.device("cpu")), torch.randn(1, 4, 8)
    monkeypatch.setattr(tutorial, "decode", lambda x, z: [tutorial.dec(tutorial.enc(x))] * 2)
    tutorial.opt.CG.step = lambda: None
    tutorial.train_step(torch.rand(4, 1, 28, 28), z)
    found = [parameter.grad for parameter in tutorial.CG.parameters()]
    loss = -0.5 * log_one_minus_D(tutorial.D_C(tutorial.CG(z[0])))
    for one, other in zip(found, torch.autograd.grad(loss, list(tutorial.CG.parameters())), strict=True):
        torch.testing.assert_close(one, other)


def test_the_scheme_of_2018_updates_encoder_and_decoder_four_times(monkeypatch):
    model = build(resolve("lpaae", "mnist", "smoke", width=2))
    scheme = script(monkeypatch, "scheme_2018").Scheme2018(model)
    scheme.train_step(torch.rand(4, 1, 28, 28), torch.randn(1, 4, 8))
    counts = {name: {state["step"].item() for state in o.state.values()} for name, o in vars(scheme.opt).items()}
    assert counts == {"enc": {4}, "dec": {4}, "CG": {4}, "D_C": {1}, "D_I": {1}}


def test_a_speedrun_ends_at_the_first_epoch_that_passes_the_last_bar(monkeypatch):
    speedrun = script(monkeypatch, "speedrun")
    monkeypatch.setattr(speedrun, "HELD_OUT", 200)
    monkeypatch.setattr(speedrun, "SAMPLES", 200)
    changes = {"images": 128, "epochs": 2}
    easy, hopeless = (1e9, 0.0), (0.0, 10.0)
    monkeypatch.setitem(speedrun.BARS, "easy", ("mnist5k", "", [easy]))
    monkeypatch.setitem(speedrun.BARS, "both", ("mnist5k", "", [easy, hopeless]))
    passed = speedrun.speedrun("easy", "smoke", 0, changes, "cpu")
    assert [point["epoch"] for point in passed["curve"]] == [1]
    at = passed["passed"][speedrun.title(*easy)]
    assert at == passed["curve"][0] and 0 < at["seconds"] <= at["all seconds"] and at["CPU seconds"] > 0
    failed = speedrun.speedrun("both", "smoke", 0, changes, "cpu", first=2)
    assert [point["epoch"] for point in failed["curve"]] == [2]
    assert failed["passed"] == {speedrun.title(*easy): failed["curve"][0]}

    bars = [speedrun.title(*bar) for bar in (easy, hopeless)]
    rows = speedrun.shown([passed, failed], bars)
    assert rows[0][bars[0]] == f"{at['seconds']:.0f} s ({at['CPU seconds']:.0f}), epoch 1"
    assert [row[bars[1]] for row in rows] == ["-", "-", "-"]
    assert rows[2][bars[0]].endswith("; 2 of 2")
    assert len(speedrun.shown([passed], bars)) == 1


def test_pythae_by_its_own_examples_is_judged_beside_a_log_of_ours(monkeypatch, tmp_path, capsys):
    pytest.importorskip("pythae")
    quality = script(monkeypatch, "pythae_quality")
    monkeypatch.setattr(quality, "IMAGES", 100)
    monkeypatch.setattr(quality, "GLANCE", 20)
    options = ["--dataset", "mnist5k", "--seconds", "0", "--device", "cpu", "--output", str(tmp_path)]
    quality.main(options)
    rows = json.loads((tmp_path / "pythae_quality.json").read_text())["rows"]
    assert [row["name"] for row in rows] == [f"pythae's {title}, 100 images" for title in ("AAE", "VAE/GAN")]
    assert all(row["seconds"] > 0 and row["FID"] > 0 and row["score"] >= 1 for row in rows)
    assert "ours at that FID" in capsys.readouterr().out


def test_a_point_beside_a_log_says_when_ours_was_as_good(monkeypatch):
    pytest.importorskip("pythae")
    quality = script(monkeypatch, "pythae_quality")
    log = [{"seconds": 9.0, "FID": 8.0}, {"seconds": 18.0, "FID": 4.0}]
    point = {"images": 1000, "seconds": 50.0, "score": 3.0}
    assert quality.row("AAE", point | {"FID": 5.0}, log)["ours"] == "18 s"
    assert quality.row("AAE", point | {"FID": 2.0}, log)["ours"] == "not in 18 s (4.00)"


@pytest.mark.slow
def test_seconds_to_the_first_picture_of_a_run_to_its_end_and_again(monkeypatch, tmp_path, capsys):
    first = script(monkeypatch, "first_picture")
    monkeypatch.chdir(tmp_path)
    first.main(["preset=smoke", "epochs=1", "--output", str(tmp_path / "results")])
    written = json.loads((tmp_path / "results" / "first_picture.json").read_text())
    seconds = {row["name"]: row["seconds"] for row in written["rows"]}
    assert list(seconds) == ["first picture", "end of Run All", "Run All once more", "`python -m lprior sample`"]
    assert 0 < seconds["first picture"] <= seconds["end of Run All"] and min(seconds.values()) > 0
    output = capsys.readouterr().out
    assert all(f"| {name} | {value:.1f} |" in output for name, value in seconds.items())
    assert written["machine"]["device"] and {"changes", "cores", "load"} <= written["options"].keys()
    assert str(tmp_path) not in json.dumps(written)


def test_what_the_documents_say_of_the_speedrun_is_what_was_measured():
    rows = json.loads((FOLDER / "results" / "speedrun-mnist.json").read_text())["rows"]
    runs = [row for row in rows if "curve" in row]
    said = (FOLDER.parent / "docs" / "speed.md").read_text()
    bars = list(runs[0]["passed"])
    for row in runs:
        at = [row["passed"].get(bar) for bar in bars]
        cells = [f"{one['CPU seconds']:.0f}, epoch {one['epoch']}" if one else "–" for one in at]
        assert f"| {row['name'].split()[-1]} | {' | '.join(cells)} |\n" in said
    easy, middle = (median(row["passed"][bar]["CPU seconds"] for row in runs) / 60 for bar in bars[:2])
    readme = " ".join((FOLDER.parent / "README.md").read_text().split())
    times = f"{easy:.1f} CPU minutes of training (median of {len(runs)} seeds, one thread), and of 1.5 and 8.7 after"
    assert f"{times} {middle:.1f}." in readme
