"""The conditional variable s from the noise to the sheet and the metrics."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import CODE, SIZE
from torch import nn

import lprior
from lprior import data, figures
from lprior.algorithms import lpaae_tuned
from lprior.algorithms.autoencoder import Autoencoder
from lprior.algorithms.conditions import Supervised, s_of, with_s
from lprior.config import build, resolve
from lprior.data import Dataset, scenes
from lprior.errors import UserError
from lprior.evaluation import conditional as metrics
from lprior.evaluation.fitted import NotFitted
from lprior.evaluation.judges import Judge
from lprior.evaluation.metrics import PRIORS_OF_S, metric_of
from lprior.model import SHEET, Model, load
from lprior.networks import Compact
from lprior.results import RunFolder
from lprior.training.configured import start
from lprior.training.loop import Training
from lprior.training.run import run

BATCH = 16
CONDITIONS = ["supervised", "unsupervised"]


def configuration(variant, **changes):
    changes = {"images": 128, "epochs": 1, "samples": 200} | changes
    return resolve("lpaae", "mnist5k", "smoke", variant, **changes)


@pytest.fixture(params=CONDITIONS)
def conditional(request, finished):
    """A finished run."""
    return RunFolder(finished / f"mnist5k-lpaae-{request.param}-s0")


# The noise


def test_the_noise_has_s_behind_z():
    z, s = torch.randn(2, 3, CODE), torch.tensor([0, 9, 4])
    noise = with_s(z, s)
    assert noise.shape == (2, 3, CODE + 10)
    assert torch.equal(noise[..., :CODE], z)
    assert torch.equal(s_of(noise).argmax(-1), s.expand(2, 3))
    assert torch.equal(s_of(noise).sum(-1), torch.ones(2, 3))


@pytest.mark.parametrize("mode", CONDITIONS)
def test_the_sheet_has_columns_of_one_s_and_rows_that_share_z(mode):
    config = configuration(mode)
    model = Model(build(config).autoencoder(), config)
    noise = model.noise(SHEET)
    assert noise.shape == (figures.COLUMNS * 10, config.code + 10)
    rows = noise.view(10, figures.COLUMNS, -1)
    assert (rows[..., : config.code] == rows[:, :1, : config.code]).all()
    assert len(rows[:, 0, : config.code].unique(dim=0)) == 10
    assert (rows[..., config.code :] == torch.eye(10)).all()
    assert torch.equal(model.noise(1000)[:100], noise)


def training(mode, seed=0, device="cpu", **changes):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        algorithm = lpaae_tuned.build(lpaae_tuned.Config(condition=mode), Compact(1, SIZE, width=2), CODE)
    return Training(algorithm.to(device), **{"seed": 0, "batch_size": BATCH, "ema_decay": 0.9} | changes)


X = torch.zeros(BATCH, 1, SIZE, SIZE)  # a mini-batch


def test_in_training_s_is_the_label_or_uniform():
    labels = torch.arange(BATCH) % 10
    supervised = training("supervised").inputs(X, labels)["noise"]
    assert supervised.shape == (2, BATCH, CODE + 10)
    assert torch.equal(s_of(supervised).argmax(-1), labels.expand(2, BATCH))
    trainer, drawn = training("unsupervised"), []
    for trainer.step in range(100):
        drawn.append(s_of(trainer.inputs(X)["noise"]).argmax(-1))
    shares = torch.bincount(torch.stack(drawn)[:, 0].flatten(), minlength=10) / (100 * BATCH)
    assert (shares - 0.1).abs().max() < 0.04
    assert not torch.equal(drawn[0], drawn[1])


@pytest.mark.parametrize("mode", CONDITIONS)
def test_with_s_the_noise_z_is_what_it_is_without(mode):
    z = training(mode).inputs(X, torch.arange(BATCH) % 10)["noise"][..., :CODE]
    assert torch.equal(training("none").inputs(X)["noise"], z)


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


NO_LABELS = torch.tensor([], dtype=torch.int64)


@pytest.mark.parametrize("labels", [None, NO_LABELS], ids=["None", "empty"])
def test_missing_labels_are_refused_in_one_line(labels, images):
    with pytest.raises(UserError, match="needs labels") as caught:
        list(training("supervised").epochs(images, 1, labels=labels))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([1, 10, 3]), "label 10 is out of range"),
        (torch.tensor([1, -1, 3]), "label -1 is out of range"),
        (torch.tensor([0.5]), "whole numbers"),
    ],
    ids=str,
)
def test_data_with_impossible_labels_are_refused_in_one_line(labels, message, images):
    with pytest.raises(UserError, match=message) as caught:
        Dataset("mnist5k", images[: len(labels)], labels, "nowhere")
    assert "\n" not in str(caught.value)


@pytest.fixture
def without_labels(monkeypatch):
    """Whatever data are loaded."""
    true_load = data.load

    def load(*arguments):
        return replace(true_load(*arguments).head(128), labels=NO_LABELS)

    monkeypatch.setattr(data, "load", load)


def test_a_supervised_run_on_data_without_labels_is_refused_before_its_folder_exists(tmp_path, without_labels):
    with pytest.raises(UserError, match="needs labels"):
        run(configuration("supervised"), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("algorithm", "changes"),
    [("lpaae", {"condition": "supervised"}), ("aaelabel", {}), ("aaeplane", {}), ("aaesemi", {})],
    ids=["lpaae", "aaelabel", "aaeplane", "aaesemi"],
)
def test_sentences_are_no_labels(algorithm, changes):
    config = resolve(algorithm, "mnist5k", "smoke", **changes)
    trainer, tokens = start(config, torch.device("cpu")), torch.ones(BATCH, 16, dtype=torch.int64)
    with pytest.raises(UserError, match="one for each image, and the data have sentences"):
        trainer.inputs(torch.zeros(BATCH, 1, 28, 28), tokens)


def test_what_clusters_mean_is_not_asked_where_images_have_sentences(tmp_path, monkeypatch):
    monkeypatch.setattr(scenes, "COUNTS", {"train": 200, "test": 40})
    few = {"epochs": 1, "images": 128, "width": 2, "samples": 100}
    config = resolve("lpaae", "scenes5k", "smoke", "unsupervised", **few)
    found = run(config, tmp_path / "run", device="cpu").metrics()
    assert "reconstruction_mse_test" in found and not any("hungarian" in key for key in found)


def test_a_refused_run_leaves_what_was_in_its_folder(tmp_path, without_labels):
    (tmp_path / "kept").touch()
    with pytest.raises(UserError, match="needs labels"):
        run(configuration("supervised"), tmp_path, device="cpu", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("mode", ["none", "unsupervised"])
def test_other_training_needs_no_labels_and_ignores_them(mode, images):
    states = []
    for labels in (None, NO_LABELS, torch.arange(len(images)) % 10):
        trainer = training(mode)
        assert len(list(trainer.epochs(images, 1, labels=labels))) == 1
        states.append(trainer.average.state_dict())
    assert all(torch.equal(value, other[name]) for other in states for name, value in states[0].items())


# A finished run


def test_a_conditional_model_loads_with_its_Q_and_samples_its_sheet(conditional):
    model = load(conditional.path)
    assert torch.equal(figures.tiles(conditional / "samples.png", 28, padding=2)[:, :1], model.sample(100))
    assert model.autoencoder.Q(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


def test_a_model_samples_a_single_s(conditional):
    model = load(conditional.path)
    noise = model.noise(7, seed=3, s=4)
    assert (s_of(noise).argmax(-1) == 4).all() and len(noise.unique(dim=0)) == 7
    assert model.sample(7, seed=3, s=4).shape == (7, 1, 28, 28)
    assert model.noise(100).shape == model.noise(100, seed=3).shape == (100, model.config.code + 10)


@pytest.mark.parametrize("s", [-1, 10])
def test_an_s_out_of_range_is_refused(conditional, s):
    with pytest.raises(UserError, match=f"values from 0 to 9: it cannot sample for s = {s}"):
        load(conditional.path).sample(3, s=s)


def test_a_model_without_condition_has_no_s(finished):
    model = load(finished / "mnist5k-lpaae-s0")
    assert model.noise(5).shape == (5, model.config.code)
    with pytest.raises(UserError, match="no conditional variable"):
        model.sample(3, s=1)


def test_the_metrics_of_s_are_there_with_their_protocol(conditional):
    found = conditional.read_json("metrics.json")
    ours = {
        "supervised": {"accuracy_q_test", "accuracy_given_s_mnist_clf1_1k"},
        "unsupervised": {"cluster_acc_q_hungarian_test", "accuracy_given_s_hungarian_mnist_clf1_1k"},
    }[conditional.config().settings.condition]
    within = {"within_precision_mnist_clf1_1k_test", "within_recall_mnist_clf1_1k_test"}
    of_first = ours | within
    of_second = {key.replace("mnist_clf1", "mnist_resnet_clf1") for key in of_first}
    of_any = of_first | of_second | {"cluster_acc_kmeans_hungarian_test"}
    assert of_any <= set(found)
    assert all(0 <= found[key] <= 1 for key in of_any)


def test_other_priors_of_a_model_with_labels_have_keys_of_their_own_and_other_images(finished):
    model = load(finished / "mnist5k-lpaae-supervised-s0")
    train, test = data.split("mnist5k", images=1000)
    found = metrics.of_other_priors(model, train, test, both(test))
    for prior in PRIORS_OF_S:
        for judge in ("mnist_clf1_1k", "mnist_resnet_clf1_1k"):
            assert {f"{prior}_fid_{judge}_test", f"{prior}_within_recall_{judge}_test"} <= found.keys()
            assert 0 <= found[f"{prior}_accuracy_given_s_{judge}"] <= 1
        assert metric_of(f"{prior}_within_recall_mnist_clf1_1k_test").title == "recall within"
    assert len({found[f"{prior}_fid_mnist_clf1_1k_test"] for prior in PRIORS_OF_S}) == len(PRIORS_OF_S)


@pytest.mark.parametrize("prior", metrics.BY_CLASS.values())
def test_codes_of_a_class_are_drawn_like_those_of_its_images(prior):
    labels, s = torch.arange(400) % 10, torch.arange(200) // 20
    codes = 100.0 * labels[:, None] + torch.randn(400, 5, generator=torch.Generator().manual_seed(0))
    drawn = metrics.drawn_by_class(codes, labels, s, 0, prior)
    assert torch.equal((drawn / 100).round(), s[:, None].expand(200, 5).float())
    assert len(drawn[:20].unique(dim=0)) == 20
    with pytest.raises(NotFitted):
        metrics.drawn_by_class(codes * float("nan"), labels, s, 0, prior)


def test_a_class_whose_codes_have_collapsed_has_the_reason_in_the_place_of_obeyed(finished, monkeypatch):
    monkeypatch.setattr(metrics, "drawn_by_class", collapsed)
    train, test = data.split("mnist5k", images=1000)
    found = metrics.of_other_priors(load(finished / "mnist5k-lpaae-supervised-s0"), train, test, both(test))
    assert found["byclass_accuracy_given_s_mnist_clf1_1k"] == "no mixture can be fitted to the codes"
    assert "byclass_fid_mnist_clf1_1k_test" not in found and "wide2_fid_mnist_clf1_1k_test" in found


def both(test):
    return [Judge(test), Judge(test, second=True)]


def collapsed(*arguments):
    raise NotFitted("no mixture can be fitted to the codes")


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
    assert metrics.clustering_accuracy(names[LABELS], LABELS) == 1
    assert metrics.clustering_accuracy(torch.zeros(1000, dtype=torch.int64), LABELS) == pytest.approx(0.1)


def test_a_class_in_two_clusters_counts_with_one_of_them():
    """Where a majority vote would name both alike, and get 0.9 here."""
    clusters = torch.where(LABELS == 1, 2, LABELS)  # classes 1 and 2 share a cluster ...
    clusters[(LABELS == 0) & (torch.arange(1000) < 500)] = 1  # ... and class 0 has two
    assert metrics.clustering_accuracy(clusters, LABELS) == pytest.approx(0.85)


def test_kmeans_finds_ten_clouds_and_none_in_one():
    generator = torch.Generator().manual_seed(0)
    clouds = 20 * torch.eye(10)[LABELS] + torch.randn(1000, 10, generator=generator)
    assert metrics.clustering_accuracy(metrics.kmeans(clouds, 0), LABELS) == 1
    cloud = torch.randn(1000, 10, generator=generator)
    assert metrics.clustering_accuracy(metrics.kmeans(cloud, 0), LABELS) < 0.2


def test_variety_within_a_class_tells_real_images_from_one_image_repeated():
    generator = torch.Generator().manual_seed(0)
    real, other = (20 * torch.eye(10)[LABELS] + torch.randn(1000, 10, generator=generator) for _ in range(2))
    precision, recall = metrics.within_class(other, LABELS, real, LABELS)
    assert precision > 0.7 and recall > 0.7
    one_each = 20 * torch.eye(10)[LABELS]
    precision, recall = metrics.within_class(one_each, LABELS, real, LABELS)
    assert precision > 0.95 and recall < 0.1


class Perfect(nn.Module):
    """CG looks up a test image of class s; the decoder returns it, and Q knows every image."""

    def __init__(self, test):
        super().__init__()
        self.test, self.weight = test, nn.Parameter(torch.zeros(1))
        self.examples = [data.to_float(test.images[test.labels == digit]) for digit in range(10)]

    def forward(self, noise):
        pick = (1000 * noise[:, 0].abs()).long()
        s = s_of(noise).argmax(-1)
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
    autoencoder = Autoencoder(enc, nn.Identity(), Perfect(test), Knows(test), Supervised()).requires_grad_(False)
    model = Model(autoencoder, configuration("supervised"))
    noise = Supervised().grid(torch.randn(1000, 3, generator=torch.Generator().manual_seed(0)))
    images = data.crop(model.generate(noise), 28)
    found = metrics.measure(model, noise, {judge: judge.see(images) for judge in both(test)}, test)
    assert found["accuracy_q_test"] == found["cluster_acc_kmeans_hungarian_test"] == 1
    for judge in ("mnist", "mnist_resnet"):
        assert found[f"accuracy_given_s_{judge}_clf1_1k"] > 0.98
        assert found[f"within_precision_{judge}_clf1_1k_test"] > 0.98
        assert found[f"within_recall_{judge}_clf1_1k_test"] > 0.6
    assert model.generate(noise[:3]).shape == (3, 1, 28, 28)


# Who knows of it


PACKAGE = Path(lprior.__file__).parent
SPEAK_OF_CONDITIONS = {
    "algorithms/conditions.py", "algorithms/lpaae_tuned.py", "presets.py", "runs.py", "config.py",
    "report/studies/conditions.py",
}  # fmt: skip
MODULES = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}


def identifiers(module: ast.Module) -> set[str]:
    """Every name in it: of variables, attributes, arguments, functions, classes and imports."""
    found = set()
    for node in ast.walk(module):
        for kind in ("id", "attr", "arg", "name", "asname", "rest", "module"):
            name = getattr(node, kind, None)
            if isinstance(name, str):
                found.update(name.split("."))
        found.update(name for name in getattr(node, "names", []) if isinstance(name, str))  # global, nonlocal
    return found


def imported(module: ast.Module) -> set[str]:
    """Modules that it imports, and what it imports from them, with their whole names."""
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
            assert node.level == 0  # a relative import would escape this
    return found


def test_the_condition_is_spoken_of_where_it_is_chosen_and_nowhere_else():
    assert SPEAK_OF_CONDITIONS <= set(MODULES)
    speaks = {name for name, module in MODULES.items() if "condition" in identifiers(module)}
    assert {"algorithms/lpaae_tuned.py"} <= speaks <= SPEAK_OF_CONDITIONS


@pytest.mark.parametrize("source", [
    "condition", "run.condition", "f(condition=1)", "def f(condition): 0", "def condition(): 0", "class condition: 0",
    "import a.condition", "from condition.b import c", "from a import condition", "import a as condition",
    "def f():\n    nonlocal condition", "match x:\n    case [*condition]: 0", "match x:\n    case {**condition}: 0",
])  # fmt: skip
def test_every_way_to_speak_of_it_would_be_found(source):
    assert "condition" in identifiers(ast.parse(source))


def test_the_training_knows_neither_conditions_nor_views():
    training = {name: imported(module) for name, module in MODULES.items() if name.startswith("training/")}
    assert "lprior.training.engine" in training["training/loop.py"]
    for name, found in training.items():
        assert not found & {"lprior.algorithms.conditions", "lprior.algorithms.views"}, name
