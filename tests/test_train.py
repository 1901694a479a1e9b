import io
import math
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
import torch
from conftest import CODE, SETTINGS, build_algorithm
from torch import nn

from lprior.algorithms import ALGORITHMS, Algorithm, vaegan
from lprior.algorithms.updates import update
from lprior.config import resolve
from lprior.errors import TrainingDiverged
from lprior.streams import normal
from lprior.training import configured
from lprior.training.loop import Training

BATCH = 16


def start(algorithm: nn.Module, **changes) -> Training:
    return Training(algorithm, **{"seed": 0, "batch_size": BATCH, "ema_decay": 0.9} | changes)


def train(training: Training, images: torch.Tensor, last: int) -> Training:
    for _ in training.epochs(images, last):
        pass
    return training


def through_a_file(state: dict) -> dict:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def losses(training: Training) -> list[dict]:
    return [{k: v for k, v in row.items() if k.startswith("L_") or k == "epoch"} for row in training.log]


def assert_same_bits(one: Training, two: Training) -> None:
    for key in ("algorithm", "average"):
        ours, theirs = one.state_dict()[key], two.state_dict()[key]
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours), key
    for name, optimizer in vars(one.algorithm.opt).items():
        ours, theirs = optimizer.state_dict(), vars(two.algorithm.opt)[name].state_dict()
        assert ours["param_groups"] == theirs["param_groups"]
        for index, state in ours["state"].items():
            assert all(torch.equal(value, theirs["state"][index][key]) for key, value in state.items()), name
    assert one.step == two.step
    assert losses(one) == losses(two)


def test_a_resumed_training_ends_with_the_same_bits(algorithm_name, images):
    whole = train(start(build_algorithm(algorithm_name)), images, 3)

    torch.manual_seed(1)
    state = through_a_file(train(start(build_algorithm(algorithm_name)), images, 1).state_dict())
    torch.manual_seed(2)  # a new process has another state of torch's generator, and other initial weights
    resumed = start(build_algorithm(algorithm_name, seed=5))
    resumed.load_state_dict(state)
    train(resumed, images, 3)

    assert_same_bits(whole, resumed)


@pytest.mark.parametrize("name", ["lpaae-tuned", "vaegan"])
def test_a_resumed_training_sees_the_same_instance_noise(name, images, monkeypatch):
    monkeypatch.setitem(SETTINGS, name, replace(SETTINGS[name], instance_noise=0.2))
    whole, part = (train(start(build_algorithm(name)), images, last) for last in (2, 1))
    resumed = start(build_algorithm(name, seed=5))
    resumed.load_state_dict(part.state_dict())
    assert_same_bits(whole, train(resumed, images, 2))


def test_the_grain_is_standard_normal_and_of_its_own_step_alone(images, monkeypatch):
    monkeypatch.setitem(SETTINGS, "vaegan", vaegan.Config(instance_noise=0.2))
    training, x = start(build_algorithm("vaegan")), torch.zeros(100, 3, 8, 8)
    first = training.inputs(x)
    training.step = 1
    second = training.inputs(x)
    training.step = 0
    again = training.inputs(x + 1)
    assert first.keys() == {"x", "noise", "grain"} and first["grain"].shape == x.shape
    assert abs(first["grain"].mean()) < 0.05 and first["grain"].std().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(first["grain"], again["grain"]) and not torch.equal(first["grain"], second["grain"])
    other = start(build_algorithm("vaegan"), seed=1).inputs(x)
    assert not torch.equal(first["grain"], other["grain"])
    count = first["noise"].numel()
    assert not torch.allclose(first["grain"].flatten()[:count], first["noise"].flatten())


def test_rates_fall_over_the_last_epochs_and_are_those_of_the_config_before(images):
    training, seen = start(build_algorithm("lpaae-tuned"), falling=3), []
    own = {name: optimizer.param_groups[0]["lr"] for name, optimizer in vars(training.algorithm.opt).items()}
    for _ in training.epochs(images, 5):
        rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in vars(training.algorithm.opt).items()}
        seen.append({name: rate / own[name] for name, rate in rates.items()})
    assert len(own) > 1 and all(set(shares) == set(own) for shares in seen)
    for shares, expected in zip(seen, [1, 1, 0.75, 0.5, 0.25], strict=True):
        assert list(shares.values()) == pytest.approx([expected] * len(own))


@pytest.mark.parametrize("stop", [2, 4])
def test_falling_rates_go_on_where_they_stopped(stop, images):
    """A run can be continued by epochs in which rates fall, as if they had been asked for at once."""
    whole = train(start(build_algorithm("vaegan"), falling=2), images, 5)
    part = start(build_algorithm("vaegan"), falling=2 if stop == 4 else 0)
    for row in part.epochs(images, 5 if stop == 4 else 2):
        if row["epoch"] == stop:
            break
    resumed = start(build_algorithm("vaegan", seed=5), falling=2)
    resumed.load_state_dict(through_a_file(part.state_dict()))
    assert_same_bits(whole, train(resumed, images, 5))


@pytest.mark.cuda
def test_a_resumed_training_ends_with_the_same_bits_on_a_gpu(algorithm_name, images):
    images = images.cuda()
    whole = train(start(build_algorithm(algorithm_name).cuda()), images, 3)
    state = through_a_file(train(start(build_algorithm(algorithm_name).cuda()), images, 1).state_dict())
    resumed = start(build_algorithm(algorithm_name, seed=5).cuda())
    resumed.load_state_dict(state)
    assert_same_bits(whole, train(resumed, images, 3))


def test_a_saved_state_does_not_change_as_training_goes_on(images):
    training = train(start(build_algorithm("aae")), images, 1)
    state = through_a_file(training.state_dict())
    twin = start(build_algorithm("aae"))
    twin.load_state_dict(state)
    train(twin, images, 2)
    assert len(state["log"]) == 1


def test_seeds_give_different_trainings(images):
    one, two = (train(start(build_algorithm("aae"), seed=seed), images, 1) for seed in (0, 1))
    assert losses(one) != losses(two)


def test_the_log_has_a_row_for_each_epoch_with_means_and_speed(algorithm_name, images):
    training = train(start(build_algorithm(algorithm_name)), images, 2)
    assert [row["epoch"] for row in training.log] == [1, 2] and training.epoch == 2
    assert training.step == 2 * (len(images) // BATCH)
    for row in training.log:
        assert {name for name in row if not name.startswith("L_")} == {"epoch", "seconds", "images_per_second"}
        assert all(isinstance(value, int | float) and math.isfinite(value) for value in row.values())
        assert row["images_per_second"] == pytest.approx(len(images) / row["seconds"])


def test_a_watcher_sees_every_batch_of_every_epoch(images):
    seen = []

    def watch(batches, count, epoch):
        batches = list(batches)
        seen.append((epoch, count, len(batches)))
        return batches

    for _ in start(build_algorithm("aae")).epochs(images, 2, watch):
        pass
    assert seen == [(1, 4, 4), (2, 4, 4)]


class Stub(nn.Module):
    """An algorithm of one weight, which a step sets to `target`; its loss is the number of the step."""

    def __init__(self, target: float = 0.0, bad: dict[int, float] | None = None):
        super().__init__()
        self.net, self.opt, self.noise = nn.Linear(1, 1, bias=False), SimpleNamespace(), []
        nn.init.zeros_(self.net.weight)
        self.target, self.bad, self.steps = target, bad or {}, 0

    def autoencoder(self):
        return self.net

    def draw(self, x, labels, stream):
        return {"x": x, "noise": normal((2, len(x), CODE), stream("noise"))}

    def train_step(self, x, noise):
        self.steps += 1
        self.noise.append(noise)
        nn.init.constant_(self.net.weight, self.target)
        return {"L_good": torch.tensor(1.0), "L_bad": torch.tensor(self.bad.get(self.steps, float(self.steps)))}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("step", "epoch"), [(1, 1), (4, 1), (5, 2), (6, 2), (12, 3)])
def test_a_loss_that_is_not_finite_stops_the_run_and_is_named(images, step, epoch, value):
    training = start(Stub(bad={step: value, step + 1: math.nan}))
    with pytest.raises(TrainingDiverged, match=rf"L_bad\b.*\bstep {step}, in epoch {epoch};"):
        train(training, images, 5)
    assert training.epoch == epoch - 1


def test_a_divergence_is_found_within_a_long_epoch(images, monkeypatch):
    """Not only at its end: on a GPU an epoch of the full preset is long."""
    monkeypatch.setattr("lprior.training.loop.CHECK_EVERY", 3)
    stub = Stub(bad={2: math.nan})
    with pytest.raises(TrainingDiverged, match="step 2, in epoch 1"):
        train(start(stub, batch_size=1), images, 1)
    assert stub.steps == 3


def test_poisoned_weights_stop_a_real_algorithm(algorithm, images):
    with torch.no_grad():
        next(algorithm.dec.parameters()).fill_(math.nan)
    with pytest.raises(TrainingDiverged, match=r"L_\w+ is not a finite number at step 1, in epoch 1"):
        train(start(algorithm), images, 1)


def test_the_log_holds_means_over_the_epoch(images):
    training = train(start(Stub()), images, 2)
    assert [row["L_bad"] for row in training.log] == [2.5, 6.5]


def test_the_average_is_exponential_with_a_ramp(images):
    """The weight jumps from 0 to 1 in the first step, so that 1 - average is the product of the decays."""
    training = train(start(Stub(target=1.0), ema_decay=0.5), images, 3)
    decays = [min(0.5, (1 + step) / (10 + step)) for step in range(12)]
    assert training.average.weight.item() == pytest.approx(1 - math.prod(decays), rel=1e-6)


def test_without_decay_the_average_is_the_last_state(algorithm, images):
    training = train(start(algorithm, ema_decay=0.0), images, 1)
    live, average = training.algorithm.autoencoder().state_dict(), training.average.state_dict()
    for name, value in average.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, live[name], rtol=0, atol=1e-6)


def test_the_average_is_frozen_and_in_eval_mode_while_the_networks_train(algorithm, images):
    training = train(start(algorithm), images, 1)
    assert not any(module.training for module in training.average.modules())
    assert not any(p.requires_grad for p in training.average.parameters())
    assert all(module.training for module in training.algorithm.modules())


def noise_of(seed: int, first_step: int, steps: int, images: torch.Tensor) -> torch.Tensor:
    stub = Stub()
    training = start(stub, seed=seed)
    training.step = first_step
    for _ in range(steps):
        training.train_step(images[:BATCH].float())
    return torch.stack(stub.noise)


def test_noise_depends_on_seed_and_step_alone(images):
    noise = noise_of(0, 0, 4, images)
    assert noise.shape == (4, 2, BATCH, CODE)
    torch.manual_seed(99)
    assert torch.equal(noise_of(0, 0, 4, images), noise)
    assert torch.equal(noise_of(0, 2, 2, images), noise[2:])
    assert len(noise.flatten(1).unique(dim=0)) == 4
    assert not torch.equal(noise_of(1, 0, 4, images), noise)


def test_noise_is_standard_normal(images):
    noise = noise_of(0, 0, 40, images)
    assert noise.mean().item() == pytest.approx(0, abs=0.08)
    assert noise.std().item() == pytest.approx(1, abs=0.08)


# An algorithm that the package has never heard of


@dataclass(frozen=True)
class Rate:
    learning_rate: float = 0.5


class ClassMeans(nn.Module):
    """Learns the mean image of each class, from noisy images. It has the four things that an algorithm needs, and no
    name in common with the package's beside them."""

    def __init__(self, config: Rate, pixels: int):
        super().__init__()
        self.means = nn.Embedding(10, pixels)
        self.opt = SimpleNamespace(means=torch.optim.SGD(self.means.parameters(), lr=config.learning_rate))

    def draw(self, x, labels, stream):
        return {"pictures": x + 0.1 * normal(x.shape, stream("dust")), "of": labels}

    def train_step(self, pictures, of):
        L_mean = (pictures.flatten(1) - self.means(of)).square().sum(1).mean()
        update((self.opt.means, L_mean))
        return {"L_mean": L_mean.detach()}

    def autoencoder(self):
        return self.means


def test_any_algorithm_with_four_things_trains_and_resumes(images):
    labels, greys = torch.arange(len(images)) % 10, torch.linspace(0, 255, 10).round()
    images = greys[labels].view(-1, 1, 1, 1).expand(images.shape).to(torch.uint8)

    def new(seed: int) -> Training:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return start(ClassMeans(Rate(), images[0].numel()), ema_decay=0.5)

    whole, part, resumed = new(0), new(0), new(5)
    assert {name for name in vars(whole.algorithm) if not name.startswith("_")} == {"training", "opt"}
    list(whole.epochs(images, 30, labels=labels))
    assert whole.log[-1]["L_mean"] < 0.1 * whole.log[0]["L_mean"]
    assert ((whole.average.weight.mean(1) + 1) * 127.5 - greys).abs().max() < 10

    list(part.epochs(images, 1, labels=labels))
    resumed.load_state_dict(through_a_file(part.state_dict()))
    list(resumed.epochs(images, 30, labels=labels))
    assert_same_bits(whole, resumed)


def test_an_algorithm_in_the_table_gets_runs(images, monkeypatch):
    """Its name, its settings and its training, with nothing said of it anywhere else."""
    built = []

    def build(config, networks, code):
        built.append(ClassMeans(config, networks.channels * networks.size**2))
        return built[-1]

    monkeypatch.setitem(ALGORITHMS, "means", Algorithm("Class means", Rate, build))
    config = resolve("means", "mnist5k", "smoke", learning_rate=0.25, batch_size=BATCH)
    assert config.name == "mnist5k-means-s0" and config.settings == Rate(0.25)
    training = configured.start(config, torch.device("cpu"))
    assert training.algorithm is built[0]
    images = torch.zeros(BATCH, 1, 28, 28, dtype=torch.uint8)
    losses = [row["L_mean"] for row in training.epochs(images, 3, labels=torch.zeros(BATCH, dtype=torch.int64))]
    assert losses == sorted(losses, reverse=True) and len(set(losses)) == 3
