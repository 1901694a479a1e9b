"""The conditional variable s from the noise to the sheet and the metrics."""

import pytest
import torch
from conftest import CODE, SIZE
from torch import nn

from lprior import data, figures
from lprior.algorithms import conditions as condition
from lprior.evaluation import conditional as disentangle
from lprior.evaluation import measurement as evaluate
from lprior.algorithms import lpaae_tuned as lpaae
from lprior import config as presets
from lprior.errors import UserError
from lprior.model import load, sheet_noise
from lprior.networks import Autoencoder, Compact
from lprior.results import RunFolder
from lprior.training.run import run
from lprior.training.loop import Training

BATCH = 16
CONDITIONS = ["supervised", "unsupervised"]


def configuration(variant, **changes):
    changes = {"images": 128, "epochs": 1, "samples": 200} | changes
    return presets.resolve("lpaae", "mnist5k", "smoke", variant, **changes)


@pytest.fixture(params=CONDITIONS)
def conditional(request, finished):
    """A finished run."""
    return RunFolder(finished / f"mnist5k-lpaae-{request.param}-s0")


# The noise


def test_the_noise_has_s_behind_z():
    z, s = torch.randn(2, 3, CODE), torch.tensor([0, 9, 4])
    noise = condition.with_s(z, s)
    assert noise.shape == (2, 3, CODE + 10)
    assert torch.equal(noise[..., :CODE], z)
    assert torch.equal(condition.s_of(noise).argmax(-1), s.expand(2, 3))
    assert torch.equal(condition.s_of(noise).sum(-1), torch.ones(2, 3))


@pytest.mark.parametrize("mode", CONDITIONS)
def test_the_sheet_has_columns_of_one_s_and_rows_that_share_z(mode):
    config = configuration(mode)
    noise = sheet_noise(config)
    assert noise.shape == (figures.COLUMNS * 10, config.code + 10)
    rows = noise.view(10, figures.COLUMNS, -1)
    assert (rows[..., : config.code] == rows[:, :1, : config.code]).all()
    assert len(rows[:, 0, : config.code].unique(dim=0)) == 10
    assert (rows[..., config.code :] == torch.eye(10)).all()
    assert torch.equal(sheet_noise(config, 1000)[:100], noise)


def training(mode, seed=0, device="cpu", **changes):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        make = Compact(1, SIZE, width=2)
        nets = make.encoder(CODE), make.decoder(CODE), make.code_generator(CODE + 10, CODE)
        more = make.code_discriminator(CODE), make.image_discriminator(), make.classifier(10)
        algorithm = lpaae.LPAAE(lpaae.Config(condition=mode), *nets, *more)
    options = {"seed": 0, "batch_size": BATCH, "noise_size": CODE, "ema_decay": 0.9, "condition": mode}
    return Training(algorithm.to(device), **options | changes)


def test_in_training_s_is_the_label_or_uniform():
    labels = torch.arange(BATCH) % 10
    supervised = training("supervised").noise(BATCH, labels)
    assert torch.equal(condition.s_of(supervised).argmax(-1), labels.expand(2, BATCH))
    trainer, drawn = training("unsupervised"), []
    for trainer.step in range(100):
        drawn.append(condition.s_of(trainer.noise(BATCH)).argmax(-1))
    shares = torch.bincount(torch.stack(drawn)[:, 0].flatten(), minlength=10) / (100 * BATCH)
    assert (shares - 0.1).abs().max() < 0.04
    assert not torch.equal(drawn[0], drawn[1])


def test_without_a_condition_the_noise_is_what_it_was():
    trainer = training("unsupervised")
    z = trainer.noise(BATCH)[..., :CODE]
    trainer.condition = "none"
    assert torch.equal(trainer.noise(BATCH), z)


@pytest.mark.parametrize("mode", CONDITIONS)
def test_a_resumed_training_ends_with_the_same_bits(mode, images):
    labels = torch.arange(len(images)) % 10
    whole, part = training(mode), training(mode)
    list(whole.epochs(images, 2, labels=labels))
    list(part.epochs(images, 1, labels=labels))
    resumed = training(mode, seed=5)
    resumed.load_state_dict(part.state_dict())
    list(resumed.epochs(images, 2, labels=labels))
    theirs = whole.state_dict()["average"]
    assert any(name.startswith("Q.") for name in theirs)
    for name, value in resumed.state_dict()["average"].items():
        assert torch.equal(value, theirs[name]), name
    assert all("L_info" in row for row in resumed.log)


# Wrong use


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "needs labels"),
        (torch.tensor([], dtype=torch.int64), "needs labels"),
        (torch.tensor([1, 10, 3]), "label 10 is out of range"),
        (torch.tensor([1, -1, 3]), "label -1 is out of range"),
        (torch.tensor([0.5]), "whole numbers"),
    ],
    ids=str,
)
def test_missing_and_impossible_labels_are_refused_in_one_line(labels, message, images):
    with pytest.raises(UserError, match=message) as caught:
        list(training("supervised").epochs(images, 1, labels=labels))
    assert "\n" not in str(caught.value)


def test_a_supervised_run_on_data_without_labels_is_refused_before_its_folder_exists(tmp_path, monkeypatch):
    bare = data.Dataset("mnist5k", torch.zeros(128, 1, 28, 28, dtype=torch.uint8), torch.tensor([]), "nowhere")
    monkeypatch.setattr(data, "load", lambda *arguments: bare)
    with pytest.raises(UserError, match="needs labels"):
        run(configuration("supervised"), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_unsupervised_training_needs_no_labels(images):
    assert len(list(training("unsupervised").epochs(images, 1))) == 1


# A finished run


def test_a_conditional_model_loads_with_its_Q_and_samples_its_sheet(conditional):
    model = load(conditional.path)
    assert torch.equal(figures.tiles(conditional / "samples.png", 28, padding=2)[:, :1], model.sample(100))
    assert model.autoencoder.Q(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


def test_a_model_samples_a_single_s(conditional):
    model = load(conditional.path)
    noise = model.noise(7, seed=3, s=4)
    assert (condition.s_of(noise).argmax(-1) == 4).all() and len(noise.unique(dim=0)) == 7
    assert model.sample(7, seed=3, s=4).shape == (7, 1, 28, 28)
    assert model.noise(100).shape == model.noise(100, seed=3).shape == (100, model.config.code + 10)


@pytest.mark.parametrize("s", [-1, 10])
def test_an_s_out_of_range_is_refused(conditional, s):
    with pytest.raises(UserError, match=f"label {s} is out of range"):
        load(conditional.path).sample(3, s=s)


def test_a_model_without_condition_has_no_s(finished):
    model = load(finished / "mnist5k-lpaae-s0")
    assert model.noise(5).shape == (5, model.config.code)
    with pytest.raises(UserError, match="no conditional variable"):
        model.sample(3, s=1)


def test_the_metrics_of_s_are_there_with_their_protocol(conditional):
    metrics = conditional.read_json("metrics.json")
    ours = {
        "supervised": {"accuracy_q_test", "accuracy_given_s_mnist_clf1_1k"},
        "unsupervised": {"cluster_acc_q_hungarian_test", "accuracy_given_s_hungarian_mnist_clf1_1k"},
    }[conditional.config().condition]
    within = {"within_precision_mnist_clf1_1k_test", "within_recall_mnist_clf1_1k_test"}
    both = within | {"cluster_acc_kmeans_hungarian_test"}
    assert ours | both <= set(metrics)
    assert all(0 <= metrics[key] <= 1 for key in ours | both)


@pytest.mark.parametrize("mode", CONDITIONS)
def test_the_averaged_Q_keeps_unit_vectors_for_its_spectral_normalisation(mode, images):
    """Their exponential mean would be shorter, and Q's features longer for it."""
    trained = training(mode)
    list(trained.epochs(images, 3, labels=torch.arange(len(images)) % 10))
    state = trained.average.state_dict()
    lengths = [value.norm().item() for name, value in state.items() if name.endswith(("._u", "._v"))]
    assert lengths and lengths == pytest.approx([1.0] * len(lengths), abs=1e-4)


# The metrics, between perfect and constant


LABELS = torch.arange(1000) % 10


def test_clusters_are_judged_up_to_their_names():
    names = torch.randperm(10, generator=torch.Generator().manual_seed(0))
    assert disentangle.clustering_accuracy(names[LABELS], LABELS) == 1
    assert disentangle.clustering_accuracy(torch.zeros(1000, dtype=torch.int64), LABELS) == pytest.approx(0.1)


def test_a_class_in_two_clusters_counts_with_one_of_them():
    """Where a majority vote would name both alike, and get 0.9 here."""
    clusters = torch.where(LABELS == 1, 2, LABELS)  # classes 1 and 2 share a cluster ...
    clusters[(LABELS == 0) & (torch.arange(1000) < 500)] = 1  # ... and class 0 has two
    assert disentangle.clustering_accuracy(clusters, LABELS) == pytest.approx(0.85)


def test_kmeans_finds_ten_clouds_and_none_in_one():
    generator = torch.Generator().manual_seed(0)
    clouds = 20 * torch.eye(10)[LABELS] + torch.randn(1000, 10, generator=generator)
    assert disentangle.clustering_accuracy(disentangle.kmeans(clouds, 0), LABELS) == 1
    cloud = torch.randn(1000, 10, generator=generator)
    assert disentangle.clustering_accuracy(disentangle.kmeans(cloud, 0), LABELS) < 0.2


def test_variety_within_a_class_tells_real_images_from_one_image_repeated():
    generator = torch.Generator().manual_seed(0)
    real, other = (20 * torch.eye(10)[LABELS] + torch.randn(1000, 10, generator=generator) for _ in range(2))
    precision, recall = disentangle.within_class(other, LABELS, real, LABELS)
    assert precision > 0.7 and recall > 0.7
    one_each = 20 * torch.eye(10)[LABELS]
    precision, recall = disentangle.within_class(one_each, LABELS, real, LABELS)
    assert precision > 0.95 and recall < 0.1


class Perfect(nn.Module):
    """CG looks up a test image of class s; the decoder returns it, and Q knows every image."""

    def __init__(self, test):
        super().__init__()
        self.test, self.weight = test, nn.Parameter(torch.zeros(1))
        self.examples = [data.to_float(test.images[test.labels == digit]) for digit in range(10)]

    def forward(self, noise):
        pick = (1000 * noise[:, 0].abs()).long()
        s = condition.s_of(noise).argmax(-1)
        return torch.stack([self.examples[digit][number % 50] for digit, number in zip(s, pick, strict=True)])


class Knows(nn.Module):
    def __init__(self, test):
        super().__init__()
        self.images, self.labels = data.to_float(test.images).flatten(1), test.labels

    def forward(self, x):
        return torch.eye(10)[self.labels[torch.cdist(x.flatten(1), self.images).argmin(1)]]


def test_a_perfect_model_gets_nearly_perfect_metrics():
    test = data.load("mnist5k", split="test")
    enc = nn.Sequential(Knows(test), nn.Linear(10, 10, bias=False))
    nn.init.eye_(enc[1].weight)
    model = Autoencoder(enc, nn.Identity(), Perfect(test), Knows(test)).requires_grad_(False)
    noise = condition.grid(torch.randn(1000, 3, generator=torch.Generator().manual_seed(0)))
    found = disentangle.measure(model, noise, test, 28, "supervised", seed=0)
    assert found["accuracy_q_test"] == found["cluster_acc_kmeans_hungarian_test"] == 1
    assert found["accuracy_given_s_mnist_clf1_1k"] > 0.98
    assert found["within_precision_mnist_clf1_1k_test"] > 0.98
    assert found["within_recall_mnist_clf1_1k_test"] > 0.6
    assert evaluate.sample(model, noise[:3]).shape == (3, 1, 28, 28)
