import hashlib
import json
import math
import shutil
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lprior import __main__ as cli
from lprior import data
from lprior.algorithms.autoencoder import Autoencoder
from lprior.config import resolve
from lprior.data import DATASETS
from lprior.errors import UserError
from lprior.evaluation import formulas, judges, measure, recipes, residual, shipped
from lprior.evaluation.judges import Judge
from lprior.evaluation.metrics import (
    ALONE,
    METRICS,
    OF_CONTROL,
    Metric,
    by_title,
    fitted_prefix,
    is_second,
    metric_of,
)
from lprior.evaluation.verify import Check
from lprior.model import Model, load
from lprior.report.frame import named, table_of
from lprior.report.tables import more_table
from lprior.results import RunFolder


@pytest.fixture(scope="module")
def evaluator():
    return judges.load_evaluator("mnist5k")


@pytest.fixture(scope="module")
def held_out():
    return data.load("mnist5k", split="test")


def gaussian(mean: list, variance: list, count: int = 20_000, seed: int = 0) -> torch.Tensor:
    noise = torch.randn(count, len(mean), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.tensor(mean) + noise * torch.tensor(variance).sqrt()


def test_frechet_distance_of_gaussians_is_near_its_closed_form():
    """Of diagonal covariances: |mean difference|^2 + sum (sqrt a - sqrt b)^2."""
    a, b = gaussian([0.0, 1.0, 2.0], [1.0, 4.0, 9.0]), gaussian([1.0, 1.0, 0.0], [4.0, 4.0, 1.0], seed=1)
    assert formulas.frechet_distance(a, b) == pytest.approx(1 + 4 + 1 + 0 + 4, rel=0.03)


def test_frechet_distance_is_symmetric_and_zero_for_the_same_features():
    a, b = gaussian([0.0, 1.0], [1.0, 4.0], 500), gaussian([1.0, 0.0], [2.0, 1.0], 500, seed=1)
    assert formulas.frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert formulas.frechet_distance(a, b) == pytest.approx(formulas.frechet_distance(b, a), rel=1e-6)


def test_frechet_distance_sees_correlation_and_not_only_means_and_variances():
    a = gaussian([0.0, 0.0], [1.0, 1.0])
    mixed = torch.stack([a[:, 0], 0.9 * a[:, 0] + math.sqrt(1 - 0.81) * a[:, 1]], dim=1)
    assert formulas.frechet_distance(mixed, a) > 0.1


def test_high_frequency_energy_is_that_of_the_finest_stripes_and_not_of_broad_ones():
    """Stripes of 0 and 1 have a variance of 1/4: all of it at half a cycle a pixel, or at an eighth."""
    columns = torch.arange(16).expand(2, 1, 16, 16)
    fine, broad = (255 * (columns % 2)).to(torch.uint8), (255 * (columns // 8 % 2)).to(torch.uint8)
    assert formulas.high_frequency_energy(fine) == pytest.approx(0.25)
    assert formulas.high_frequency_energy(broad) < 0.025
    assert formulas.high_frequency_energy(torch.full((2, 1, 16, 16), 200, dtype=torch.uint8)) == pytest.approx(0)


def test_unexplained_variance_is_none_of_a_copy_and_one_of_the_mean():
    features = gaussian([0.0, 1.0], [1.0, 4.0], 500)
    assert formulas.unexplained_variance(features, features) == 0
    assert formulas.unexplained_variance(features, features.mean(0).expand(500, 2)) == pytest.approx(1)
    assert formulas.unexplained_variance(features, features + 1) == pytest.approx(2 / 5, rel=0.1)


def one_hot_logits(classes: torch.Tensor) -> torch.Tensor:
    return 100.0 * F.one_hot(classes, 10)


def test_classifier_score_is_the_number_of_classes_at_best_and_one_at_worst():
    assert formulas.classifier_score(one_hot_logits(torch.arange(10).repeat(20))) == pytest.approx(10, rel=1e-4)
    assert formulas.classifier_score(one_hot_logits(torch.full((200,), 3))) == pytest.approx(1, rel=1e-4)
    assert formulas.classifier_score(torch.zeros(200, 10)) == pytest.approx(1, rel=1e-4)


def test_classifier_score_of_a_collapse_to_two_classes_is_two():
    """As the samples of the 2018 report, which were almost only fours and nines."""
    assert formulas.classifier_score(one_hot_logits(torch.tensor([4, 9]).repeat(100))) == pytest.approx(2, rel=1e-4)


def test_class_histogram_counts_the_likeliest_class_of_each_image():
    histogram = formulas.class_histogram(one_hot_logits(torch.tensor([0, 0, 0, 7])))
    assert histogram.tolist() == [0.75, 0, 0, 0, 0, 0, 0, 0.25, 0, 0]


@pytest.mark.parametrize("classes", [1, 2, 10])
def test_entropy_is_that_of_equally_frequent_classes(classes):
    histogram = torch.zeros(10, dtype=torch.float64)
    histogram[:classes] = 1 / classes
    assert formulas.entropy(histogram) == pytest.approx(math.log(classes), abs=1e-12)


def test_the_shipped_classifier_reads_digits(evaluator, held_out):
    assert judges.accuracy(evaluator, held_out) >= 0.97


# Classifier -> its data set, whether it is the second there; least accuracy and score, and largest FID, of real images.
SHIPPED = {
    "mnist": ("mnist", False, 0.99, 9.0, 1.0), "cifar10": ("cifar10", False, 0.85, 7.0, 5.0),
    "mnist_resnet": ("mnist", True, 0.99, 9.0, 1.0), "cifar10_resnet": ("cifar10", True, 0.82, 6.0, 1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_classifier_is_described_by_its_accuracy_and_anchors(name):
    dataset, second, least_accuracy, least_score, most_fid = SHIPPED[name]
    described, protocol = judges.evaluator_description(dataset, second), judges.protocol(dataset, second)
    assert least_accuracy < described["accuracy_test"] <= 1
    assert least_score < described["anchors"][f"score_{protocol}_10k"] <= 10
    assert 0 <= described["anchors"][f"fid_{protocol}_10k_test"] < most_fid


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_classifier_is_the_described_one(name):
    weights = shipped.weights_path(name).read_bytes()
    described = judges.evaluator_description(*SHIPPED[name][:2])
    assert hashlib.sha256(weights).hexdigest() == described["weights_sha256"]
    assert len(weights) < 3e6
    assert judges.protocol(*SHIPPED[name][:2]) == f"{name}_clf{described['version']}"
    first = {spec.classifier for spec in DATASETS.values()} - {None}
    assert first | set(recipes.SECOND.values()) == set(SHIPPED) == set(judges.RECIPES)
    assert first == set(recipes.SECOND)


@pytest.mark.parametrize(("name", "size"), [("mnist", (1, 28, 28)), ("cifar10", (3, 32, 32))])
def test_a_classifier_learns_by_its_recipe_and_survives_saving(name, size, monkeypatch, tmp_path, capsys):
    """Images whose class is their brightness."""
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    labels = torch.arange(640) % 10
    generator = torch.Generator().manual_seed(0)
    images = (25 * labels.view(-1, 1, 1, 1) + torch.randint(8, (640, *size), generator=generator)).to(torch.uint8)
    easy = data.Dataset(name, images, labels, "made here")
    trained = judges.train_evaluator(easy, epochs=10)
    assert "epoch 10 of 10" in capsys.readouterr().out
    assert judges.accuracy(trained, easy) > 0.5  # chance is 0.1
    judges.save_evaluator(trained, name)
    judges.describe_evaluator(name, easy, easy)
    features, logits = judges.load_evaluator(name).measure(images)
    assert len(features) == len(logits) == 640
    torch.testing.assert_close(logits, trained.measure(images)[1], rtol=0.02, atol=0.05)


def test_shifted_and_mirrored_images_are_parts_of_the_mirrored_surroundings():
    images = torch.randint(256, (40, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    changed = recipes.shift_and_mirror(images, torch.Generator().manual_seed(1), most=1)
    around = torch.nn.functional.pad(images.float(), (1,) * 4, mode="reflect").to(torch.uint8)
    windows = [around[:, :, y : y + 8, x : x + 8] for y in range(3) for x in range(3)]
    candidates = torch.stack([*windows, *(window.flip(3) for window in windows)])
    matches = (candidates == changed).flatten(2).all(dim=2)
    assert (matches.sum(dim=0) == 1).all() and matches.any(dim=1).sum() > 9


def test_the_version_counts_trainings_and_not_descriptions(held_out, monkeypatch, tmp_path):
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    few = held_out.head(40)
    torch.manual_seed(0)
    found = []
    for new in (True, False, True):
        if new:
            judges.save_evaluator(judges.RECIPES["mnist"].build(), "mnist")
        found.append(judges.describe_evaluator("mnist", few, few)["version"])
    assert found == [1, 1, 2]


@pytest.fixture
def copied(monkeypatch, tmp_path):
    """The folder of the shipped classifiers, a copy that a test may change."""
    folder = shutil.copytree(shipped.FOLDER, tmp_path / "classifiers")
    monkeypatch.setattr(shipped, "FOLDER", folder)
    return folder


def test_other_weights_than_the_described_ones_are_refused(copied, held_out):
    """By which every FID would be another one, under the same key."""
    evaluator = judges.load_evaluator("mnist")
    with torch.no_grad():
        evaluator.classify.weight += 0.1 * torch.randn(evaluator.classify.weight.shape)
    judges.save_evaluator(evaluator, "mnist")
    described = judges.evaluator_description("mnist")
    found = hashlib.sha256((copied / "mnist.safetensors").read_bytes()).hexdigest()
    with pytest.raises(UserError) as caught:
        Judge(held_out)
    message = str(caught.value)
    assert all(word in message for word in (str(copied / "mnist.safetensors"), described["weights_sha256"], found))
    assert "\n" not in message
    assert judges.describe_evaluator("mnist", held_out, held_out)["version"] == described["version"] + 1
    assert Judge(held_out).protocol == f"mnist_clf{described['version'] + 1}"


FILES = {  # what is wrong with which file -> what is said of it
    ("mnist.safetensors", None): "cannot read the classifier's {path}: No such file",
    ("mnist.safetensors", b"{}"): "{path} has other weights than are described",
    ("mnist.json", None): "cannot read the classifier's {path}: No such file",
    ("mnist.json", b""): "{path} is damaged",
    ("mnist.json", b"\xff"): "{path} is damaged",
    ("mnist.json", b"[]"): "{path} is damaged",
    ("mnist.json", b'{"version": 1, "accuracy_test": 0.9, "anchors": {}}'): "{path} is damaged",
}


@pytest.mark.parametrize(("file", "content"), FILES)
def test_missing_and_broken_files_of_a_classifier_are_named(copied, file, content):
    path, said = copied / file, FILES[file, content]
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        judges.load_evaluator("mnist5k")
    assert said.format(path=path) in str(caught.value) and "\n" not in str(caught.value)
    if file == "mnist.json":
        with pytest.raises(UserError, match=file):
            judges.protocol("mnist5k")


def test_weights_of_other_layers_are_not_described(copied, held_out):
    shutil.copy(copied / "cifar10.safetensors", copied / "mnist.safetensors")
    with pytest.raises(UserError, match="mnist.safetensors has no weights of this classifier"):
        judges.describe_evaluator("mnist", held_out, held_out)


def test_features_do_not_depend_on_the_batch_size(evaluator, held_out):
    images = held_out.images[:30]
    for one, two in zip(evaluator.measure(images, 30), evaluator.measure(images, 7), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)


def test_test_images_are_seen_once_by_each_judge(monkeypatch, held_out):
    counts = []
    measured = recipes.Evaluator.measure
    count = lambda self, images: counts.append(len(images)) or measured(self, images)  # noqa: E731
    monkeypatch.setattr(judges, "REFERENCES", {})
    monkeypatch.setattr(recipes.Evaluator, "measure", count)
    one, same, other, second = (
        judges.Judge(held_out.head(n), second=second) for n, second in ((9, False), (9, False), (8, False), (9, True))
    )
    assert counts == [9, 8, 9] and same.reference is one.reference
    assert torch.equal(other.reference, measured(other.evaluator, held_out.images[:8])[0])
    assert second.reference.shape != one.reference.shape


def noisy(images: torch.Tensor, strength: float) -> torch.Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + 255 * strength * noise).clamp(0, 255).to(torch.uint8)


def test_fid_of_digits_grows_with_noise(evaluator, held_out):
    reference, _ = evaluator.measure(held_out.images)
    candidates = [data.load("mnist5k").images[:500], *(noisy(held_out.images, s) for s in (0.3, 0.6))]
    fids = [formulas.frechet_distance(evaluator.measure(images)[0], reference) for images in candidates]
    assert 0 <= fids[0] < fids[1] < fids[2]


def test_kernel_distance_is_that_of_the_cubic_kernel():
    """For one subset of all rows: the unbiased estimate, written out from its definition."""
    a, b = gaussian([0.0, 1.0], [1.0, 2.0], 60), gaussian([1.0, 0.0], [1.0, 1.0], 60, seed=1)

    def kernel(u, v):
        return (u @ v.T / 2 + 1) ** 3

    def apart(matrix):
        return (matrix.sum() - matrix.trace()) / (60 * 59)

    expected = apart(kernel(a, a)) + apart(kernel(b, b)) - 2 * kernel(a, b).mean()
    assert formulas.kernel_distance(a, b) == pytest.approx(expected.item(), rel=1e-6)


def test_precision_and_recall_tell_collapse_from_spread():
    real = gaussian([0.0, 0.0], [1.0, 1.0], 400)
    collapsed = gaussian([0.0, 0.0], [0.01, 0.01], 400, seed=1)
    scattered = gaussian([0.0, 0.0], [100.0, 100.0], 400, seed=2)
    precision, recall = formulas.precision_recall(collapsed, real)
    assert precision > 0.95 and recall < 0.3
    precision, recall = formulas.precision_recall(scattered, real)
    assert precision < 0.3 and recall > 0.7


@pytest.mark.parametrize(("count", "width"), [(4, 2), (499, 5), (1203, 64)])
@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
def test_precision_and_recall_are_those_of_torch_fidelity(count, width, spread):
    from torch_fidelity.metric_prc import prc_features_to_metric

    features = gaussian([0.0] * width, [spread] * width, count)
    real = gaussian([0.0] * width, [1.0] * width, 700, seed=1)
    features[1] = features[0]  # two alike
    expected = prc_features_to_metric(features, real, prc_neighborhood=3, verbose=False)
    found = formulas.precision_recall(features, real)
    assert found == pytest.approx((expected["precision"], expected["recall"]), abs=1e-6)
    assert formulas.precision_recall(features, real, formulas.radii(real)) == found


def test_three_rows_have_no_three_neighbours_each():
    with pytest.raises(ValueError, match="3 rows have no 3 neighbours"):
        formulas.radii(torch.zeros(3, 2))


def test_parzen_windows_agree_with_scikit_learn():
    from sklearn.neighbors import KernelDensity

    pixels = torch.randint(0, 256, (50, 1, 3, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    images, samples = pixels[:20], pixels[20:]
    found = formulas.parzen_log_likelihood(images, samples, (0.02, 0.3), batch_size=7)
    for sigma, of_sigma in zip((0.02, 0.3), found, strict=True):  # a narrow one, whose windows hardly overlap
        density = KernelDensity(bandwidth=sigma).fit(samples.flatten(1).double().numpy() / 255)
        expected = density.score_samples(images.flatten(1).double().numpy() / 255)
        torch.testing.assert_close(of_sigma, torch.from_numpy(expected), rtol=1e-5, atol=1e-4)


def test_the_best_sigma_is_near_the_noise_that_made_the_images():
    centres = torch.full((100, 1, 5, 5), 128, dtype=torch.uint8)
    images = noisy(centres, 0.15)
    assert formulas.best_sigma(images, centres) == pytest.approx(0.1585, abs=0.001)


def test_nearest_finds_the_image_itself(held_out):
    order = torch.randperm(300, generator=torch.Generator().manual_seed(0))
    found = formulas.nearest(noisy(held_out.images[:20], 0.05), held_out.images[:300][order], batch_size=70)
    assert torch.equal(order[found], torch.arange(20))


def test_measure_says_the_protocol_in_each_key(held_out):
    values = Judge(held_out).measure(noisy(held_out.images, 0.1))
    assert set(values) == {
        "fid_mnist_clf1_500_test", "kid_mnist_clf1_500_test", "precision_mnist_clf1_500_test",
        "recall_mnist_clf1_500_test", "score_mnist_clf1_500", "score_mnist_clf1_sheet100", "entropy_mnist_clf1_500",
        "histogram_mnist_clf1_500",
    }  # fmt: skip
    assert values["score_mnist_clf1_500"] > 8


def test_a_glance_sees_what_measuring_sees(held_out):
    judge, images = Judge(held_out), noisy(held_out.images[:300], 0.1)
    glance = judge.glance(images)
    assert set(glance) == {"fid_mnist_clf1_300_test", "score_mnist_clf1_300"}
    assert glance.items() <= judge.measure(images).items()


class Lookup(Autoencoder):
    """Codes are images: encodes, decodes and samples without change, which makes every metric known."""

    def __init__(self, size: int = 28):
        flat, image = nn.Flatten(), nn.Sequential(nn.Unflatten(1, (1, size, size)), nn.Linear(size, size, bias=False))
        image[1].weight.data = torch.eye(size)
        super().__init__(flat, image)


@dataclass(frozen=True)
class Known(Model):
    """A model whose samples are made from `codes` (N, code)."""

    codes: Tensor

    def noise(self, count: int, seed: int | None = None, s: int | None = None) -> Tensor:
        return self.codes[:count]


def known(samples: data.Dataset, networks: str = "compact") -> Known:
    """The model that encodes and decodes without change, and whose samples are the images of `samples`."""
    config = resolve("aae", samples.name, "smoke", samples=len(samples.images), networks=networks)
    codes = data.to_float(data.pad(samples.images, config.image_size)).flatten(1)
    return Known(Lookup(config.image_size), config, codes)


def test_a_perfect_model_has_no_error_and_the_metrics_of_its_samples(held_out):
    few = held_out.head(200)
    values = measure(known(few), few, few)
    assert values["reconstruction_mse_test"] == 0
    assert values["fid_mnist_clf1_200_test"] == pytest.approx(0, abs=1e-3)
    assert values["parzensigma_200"] == formulas.SIGMAS[0]  # the samples are the validation images
    assert values["fid_mnist_resnet_clf1_200_test"] == pytest.approx(0, abs=1e-3)
    of_control = {key.removeprefix(OF_CONTROL) for key in values if key.startswith(OF_CONTROL)}
    assert of_control == {key for judge in (Judge(few), Judge(few, second=True)) for key in judge.measure(few.images)}


def test_the_images_that_are_kept_of_the_control_are_those_that_its_metrics_are_of(held_out):
    few, kept = held_out.head(100), []
    values = measure(known(few), few, few, keep=kept.append)
    (images,) = kept
    of_images = Judge(few).measure(data.crop(images, few.images.shape[-1]))
    key = "fid_mnist_clf1_100_test"
    assert values[f"{OF_CONTROL}{key}"] == of_images[key] != values[key]


def test_each_part_of_measuring_is_named_before_it_begins(held_out, monkeypatch):
    few, told = held_out.head(100), []
    monkeypatch.setattr("lprior.evaluation.measurement.parzen", lambda *_: told.append("parzen") or {})
    measure(known(few), few, few, tell=told.append)
    assert told == [
        "reconstructions (1/5)", "FID, score, precision and recall (2/5)", "second classifier (3/5)",
        "Parzen windows (4/5)", "parzen", "mixture of ten Gaussians (5/5)",
    ]  # fmt: skip
    told.clear()
    measure(known(few), few, few, whole=False, tell=told.append)
    assert told == ["reconstructions (1/2)", "FID, score, precision and recall (2/2)"]


def test_the_second_judge_sees_nothing_of_what_choices_are_made_by(held_out):
    few = held_out.head(100)
    assert any(map(is_second, measure(known(few), few, few)))
    held = replace(few, split="val")
    values = measure(known(few), few, held)
    assert "fid_mnist_clf1_100_val" in values and not any(map(is_second, values))
    assert not any(map(is_second, Judge(few).glance(few.images)))


def test_what_the_second_judge_measured_has_names_of_its_own():
    first, second = "fid_mnist_clf1_10k_test", "fid_mnist_resnet_clf1_10k_test"
    found = named({first: 1.0, second: 2.0, f"{OF_CONTROL}{second}": 3.0, f"{OF_CONTROL}{first}": 4.0})
    titles = ("FID", "second FID", "second mixture FID", "mixture FID")
    assert [found[title] for title in titles] == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(("first", "second"), recipes.SECOND.items())
def test_the_second_judge_is_another_one_and_small(first, second):
    one, other = (judges.RECIPES[name] for name in (first, second))
    assert type(other.optimizer(other.build().parameters())) is not type(one.optimizer(one.build().parameters()))
    assert one.augment is not other.augment
    assert any(isinstance(layer, residual.Residual) for layer in other.build().modules())
    assert not any(isinstance(layer, residual.Residual) for layer in one.build().modules())
    assert shipped.weights_path(second).stat().st_size < 900_000


def test_reconstruction_error_is_of_pixels_in_the_unit_interval(held_out):
    few = held_out.head(40)
    model = known(few)
    model.autoencoder.dec[1].weight.data *= -1  # decodes to the inverted image
    inverted = 255 - few.images
    expected = ((few.images.double() - inverted.double()) / 255).square().mean().item()
    assert measure(model, few, few)["reconstruction_mse_test"] == pytest.approx(expected, rel=1e-5)


def test_padding_is_cropped_away(held_out):
    """Networks that take padded images are measured on what their images show of the data."""
    few = held_out.head(40)
    padded, plain = measure(known(few, "paper"), few, few), measure(known(few), few, few)
    assert padded.keys() == plain.keys()
    for key in plain:
        if not key.startswith(OF_CONTROL):  # the mixture is of other codes
            assert padded[key] == pytest.approx(plain[key], abs=1e-6), key


def test_a_data_set_without_a_classifier_has_no_metrics_that_need_one(held_out):
    others = data.Dataset("fashion-mnist", held_out.images[:50], held_out.labels[:50], "none")
    values = measure(known(others), others, others)
    assert {key.partition("_")[0] for key in values} == {"reconstruction", "parzen", "parzenstderr", "parzensigma"}
    with pytest.raises(UserError, match="no evaluator is shipped for 'fashion-mnist'"):
        judges.load_evaluator("fashion-mnist")


def test_better_samples_have_better_metrics(held_out):
    """Bracketing: training images, ever noisier images, and a collapse to one image."""
    judge = Judge(held_out)
    candidates = [data.load("mnist5k").images[:500], *(noisy(held_out.images, s) for s in (0.1, 0.3, 0.6))]
    values = [judge.measure(images) for images in candidates]
    collapsed = judge.measure(held_out.images[:1].expand(500, -1, -1, -1))
    for kind in ("fid", "kid"):
        series = [found[f"{kind}_mnist_clf1_500_test"] for found in values]
        assert series == sorted(series) and max(series[:2]) < collapsed[f"{kind}_mnist_clf1_500_test"]
    assert collapsed["score_mnist_clf1_500"] == pytest.approx(1, abs=1e-3)
    assert collapsed["recall_mnist_clf1_500_test"] < 0.01
    assert collapsed["entropy_mnist_clf1_500"] == 0


def test_a_pinned_number(held_out):
    """The whole protocol on images that never change: a new library or formula that moves it is noticed."""
    values = Judge(held_out).measure(data.load("mnist5k").images[:500])
    assert values["fid_mnist_clf1_500_test"] == pytest.approx(0.52942, rel=1e-3)
    assert values["kid_mnist_clf1_500_test"] == pytest.approx(-0.036239, rel=1e-2)


@pytest.mark.parametrize("name", ["mnist5k-aae-s0", "mnist5k-lpaae-supervised-s0", "mnist5k-lpaae-unsupervised-s0"])
def test_every_key_of_a_run_is_of_one_metric_of_the_table(finished, name):
    """Which is the one whose name the key begins with, and no other's."""
    for key in json.loads((finished / name / "metrics.json").read_text()):
        metric = metric_of(key)
        assert metric is not None, key
        assert key.removeprefix(fitted_prefix(key)).startswith(f"{metric.key}_")
        assert (metric.title == "sheet") == key.endswith("sheet100")


@pytest.mark.parametrize(
    ("key", "title"),
    [
        ("fid_mnist_clf1_10k_test", "FID"), ("gmm10_fid_mnist_clf1_10k_test", "FID"),
        ("fid_inception_10k_test", "Inception FID"), ("score_mnist_clf1_10k", "score"),
        ("score_mnist_clf1_sheet100", "sheet"), ("parzen_10k_test", "Parzen"), ("parzensigma_10k", "Parzen sigma"),
        ("within_precision_mnist_clf1_10k_test", "precision within"),
        ("accuracy_given_s_hungarian_mnist_clf1_10k", "obeyed"), ("cluster_acc_kmeans_hungarian_test", "codes"),
    ],
)  # fmt: skip
def test_a_key_has_the_title_of_its_metric(key, title):
    assert metric_of(key).title == title


def test_a_part_of_a_list_is_a_metric_of_its_own():
    assert [by_title(title).title for title in ("rarest", "commonest")] == ["rarest", "commonest"]
    assert [by_title(title).higher_is_better for title in ("rarest", "commonest", "FID")] == [True, False, False]
    assert (by_title("rarest").unit, by_title("rarest").format) == (r"\%", "{:.1f}")
    with pytest.raises(KeyError):
        by_title("classes")


@pytest.mark.parametrize(
    ("key", "published", "match", "mismatch"),
    [
        ("fid_x_test", 10.0, 10.09, 10.2), ("fid_x_test", 1.0, 1.015, 1.03),
        ("gmm10_fid_x_test", 10.0, 10.9, 11.2), ("kid_x_test", -0.001, 0.0009, 0.002),
        ("score_x_1k", 9.0, 9.08, 9.1), ("score_x_sheet100", 1.0, 1.015, 1.03),
        ("gmm10_score_x_1k", 9.0, 9.19, 9.21), ("gmm10_score_x_sheet100", 9.0, 9.95, 10.05),
        ("gmm10_recall_x_test", 0.5, 0.57, 0.59), ("recall_x_test", 0.5, 0.5049, 0.506),
        ("histogram_x", [0.1, 0.9], [0.102, 0.898], [0.103, 0.897]), ("reconstruction_mse_test", 1e-4, 1.09e-4, 1.2e-4),
        ("parzensigma_1k", 0.2, 0.2, 0.3), ("unknown_x", 1.0, 1.009, 1.02),
    ],
)  # fmt: skip
def test_a_value_may_differ_by_what_the_table_allows(key, published, match, mismatch):
    assert Check(key, published, match).matches
    assert not Check(key, published, mismatch).matches
    assert not Check(key, published, None).matches


@pytest.fixture
def confidence():
    """A metric that the table gets for one test."""
    row = Metric("confidence", "sure", "{:.1f}", True, 0.01, unit=r"\%", scale=100, of=ALONE,
                 of_samples=lambda seen: seen.logits.softmax(dim=1).amax(dim=1).mean().item())  # fmt: skip
    METRICS.append(row)
    yield row
    METRICS.remove(row)


def test_a_metric_that_is_one_row_more_is_measured_and_shown(confidence, finished, tmp_path):
    run = RunFolder(shutil.copytree(finished / "mnist5k-aae-s0", tmp_path / "mnist5k-aae-s0"))
    assert cli.main(["evaluate", str(run.path)]) == 0
    measured = run.read_json("metrics.json")
    logits = judges.load_evaluator("mnist5k").measure(load(run.path).sample(1000))[1]
    expected = logits.softmax(dim=1).amax(dim=1).mean().item()
    assert measured["confidence_mnist_clf1_1k"] == pytest.approx(expected, rel=1e-4)
    assert 0 < measured["gmm10_confidence_mnist_clf1_1k"] <= 1
    assert Check("confidence_mnist_clf1_1k", 0.5, 0.509).matches

    shown = more_table(table_of([run]), ("FID", "sure"))
    assert shown.head == "model & $n$ & FID & sure \\\\\n &  & $\\downarrow$ & \\% $\\uparrow$ \\\\\n"
    first, *_ = shown.rows.splitlines()
    fid = measured["fid_mnist_clf1_1k_test"]
    assert first == f"AAE & 1 & {fid:.2f} & {100 * measured['confidence_mnist_clf1_1k']:.1f} \\\\"
