"""Disentanglement: bracketed by codes that hold s and that do not, by grids that keep the style and that do not."""

import shutil

import pytest
import torch
from torch import nn

from lprior import __main__ as cli
from lprior import data
from lprior.algorithms.autoencoder import Autoencoder
from lprior.algorithms.conditions import Supervised, with_s
from lprior.config import resolve
from lprior.evaluation import disentanglement
from lprior.evaluation.disentanglement import agreement, inverted, of_real_images, probes, style
from lprior.evaluation.metrics import metric_of
from lprior.model import Model
from lprior.results import RunFolder


def normal(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_probes_find_nothing_where_z_is_noise_and_everything_where_it_holds_s():
    s = torch.arange(400) % 10
    noise = normal(400, 5)
    found = probes(noise[:300], s[:300], noise[300:], s[300:])
    assert max(found.values()) < 0.25 and found["probe_chance_test"] == 0.1
    holding = with_s(noise, s)
    found = probes(holding[:300], s[:300], holding[300:], s[300:])
    assert found["probe_linear_test"] == 1.0 and found["probe_neighbours_test"] > 0.9


def test_neighbours_find_what_no_line_divides():
    z = normal(2000, 2)
    s = (z.norm(dim=1) > 1.2).long()
    found = probes(z[:1500], s[:1500], z[1500:], s[1500:])
    assert found["probe_neighbours_test"] > 0.9 > found["probe_chance_test"] + 0.2 >= found["probe_linear_test"] - 0.2


def test_the_agreement_is_1_where_rows_share_a_style_and_0_where_they_do_not():
    rows, offsets = normal(300, 1, 2).double(), torch.arange(10).double().view(1, 10, 1)
    assert agreement(rows + offsets) == pytest.approx([1.0, 1.0])  # what a class has in common is no style
    assert agreement(normal(300, 10, 2).double()) == pytest.approx([0.0, 0.0], abs=0.03)
    half = rows + torch.randn(300, 10, 2, generator=torch.Generator().manual_seed(1)).double()
    assert agreement(half) == pytest.approx([0.5, 0.5], abs=0.1)


def test_inversion_finds_the_z_that_a_code_was_made_from():
    torch.manual_seed(0)
    CG = nn.Sequential(nn.Linear(13, 64), nn.Tanh(), nn.Linear(64, 8)).requires_grad_(False)
    z, s = normal(50, 3), torch.arange(50) % 10
    assert (inverted(CG, CG(with_s(z, s)), s, 3) - z).abs().quantile(0.9) < 0.02


class Pixels(nn.Module):
    """An encoder whose code is the first pixels of an image."""

    def __init__(self, entries):
        super().__init__()
        self.entries = entries

    def forward(self, x):
        return x.flatten(1)[:, : self.entries]


@pytest.mark.parametrize("entries", [8, 18])  # an encoder for z alone, and one for [z, s]
def test_where_the_code_is_the_noise_z_is_what_stands_before_s(entries):
    model = Model(Autoencoder(Pixels(entries), nn.Linear(18, 1), s=Supervised()), resolve("aae", "mnist5k", "smoke"))
    images = torch.randint(256, (6, 1, 28, 28), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    found = style(model, images, torch.zeros(6, dtype=torch.int64))
    assert found.shape == (6, 8) and torch.equal(found, model.encode(images)[:, :8])


def test_real_digits_keep_their_style_as_far_as_others_with_it_are_there():
    train, test = data.load("mnist5k").head(1500), data.load("mnist5k", split="test").head(200)
    found = of_real_images(train, test)
    assert all(0.5 < r < 1 for r in found["kept_r_2k"])
    assert found["probe_chance_test"] < found["probe_linear_test"] < 0.6


KEYS = {"probe_linear_test", "probe_neighbours_test", "probe_chance_test"}
OF_S = {"kept_r_2k", "kept_chance_2k", "swapped_r_500_test", "swapped_own_500_test",
        "swapped_class_mnist_clf1_500_test"}  # fmt: skip
OF_CODES = {f"{before}moved_{key}_500_test" for before in ("", "pca") for key in ("r", "slope", "class_mnist_clf1")}


def test_the_command_adds_to_the_metrics_of_every_run_that_has_weights_and_verify_finds_the_same(
    finished, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(disentanglement, "GRID", 200)
    names = ["mnist5k-aae-s0", "mnist5k-lpaae-supervised-s0", "mnist5k-lpaae-unsupervised-s0", "mnist5k-lpaae-s0"]
    for name in names:
        shutil.copytree(finished / name, tmp_path / name)
    (tmp_path / names[-1] / "model.safetensors").unlink()
    before = {name: RunFolder(tmp_path / name).metrics() for name in names}
    assert cli.main(["attributes", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "not measured: 1 runs" in said and said.count("measured mnist5k") == 3
    after = {name: RunFolder(tmp_path / name).metrics() for name in names}
    added = {name: after[name].keys() - before[name].keys() for name in names}
    of_s = {key.replace("2k", "200") for key in OF_S}
    assert added[names[0]] == KEYS | OF_CODES and added[names[1]] == added[names[2]] == KEYS | OF_CODES | of_s
    assert added[names[3]] == set() and all(metric_of(key).further for key in added[names[1]])
    assert all(after[name][key] == value for name in names for key, value in before[name].items())
    assert cli.main(["verify", str(tmp_path / names[1])]) == 0


def test_without_weights_the_command_says_where_they_are(finished, tmp_path, capsys):
    shutil.copytree(finished / "mnist5k-aae-s0", tmp_path / "mnist5k-aae-s0")
    (tmp_path / "mnist5k-aae-s0" / "model.safetensors").unlink()
    assert cli.main(["attributes", str(tmp_path)]) == 2
    assert "docs/weights.md" in capsys.readouterr().err


def test_the_command_says_by_which_code_it_measured_and_refuses_a_run_of_other_images(
    finished, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("lprior.evaluation.measurement.further", lambda *arguments: {"probe_chance_test": 0.5})
    folder = shutil.copytree(finished / "mnist5k-aae-s0", tmp_path / "mnist5k-aae-s0")
    run = RunFolder(folder)
    made = run.read_json("provenance.json")
    present = made["code_sha256"]
    run.write_json("provenance.json", made | {"code_sha256": present | {"evaluation": "old"}})
    assert cli.main(["attributes", str(folder)]) == 0
    assert run.metrics()["probe_chance_test"] == 0.5 and run.read_json("provenance.json")["code_sha256"] == present
    run.write_json("provenance.json", made | {"data_sha256": "of others"})
    before = run.metrics()
    monkeypatch.setattr("lprior.evaluation.measurement.further", lambda *arguments: {"probe_chance_test": 0.6})
    assert cli.main(["attributes", str(folder)]) == 2
    assert "was trained on other images" in capsys.readouterr().err and run.metrics() == before
