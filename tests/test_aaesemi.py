"""The semi-supervised AAE against a plain transcription of its phases, and the labels that it is given."""

import copy

import pytest
import torch
from test_algorithms import BATCH, RATE, WARPS, Plain, log, log_not, warped
from torch import nn

from lprior.algorithms import aaesemi
from lprior.config import resolve
from lprior.data import known_labels
from lprior.errors import UserError
from lprior.networks import MLP
from lprior.runs import VARIANTS
from lprior.streams import followed, generator
from lprior.training.configured import start

STYLE, VALUES = 2, 3
NAMES = ("semi", "clusters", "semi with BatchNorm", "heads", "views", "VAT")


def networks():
    """Of `Plain`, with a decoder for codes of any size."""
    plain = Plain()
    plain.decoder = lambda code: nn.Sequential(nn.Linear(code, 16), nn.Tanh(), nn.Unflatten(1, (1, 4, 4)))
    return plain


@pytest.fixture(params=NAMES)
def plain(request):
    """The algorithm on smooth networks in double precision; without momentum, so that a step is a gradient."""
    torch.manual_seed(0)
    rates = dict(learning_rate=RATE, learning_rate_D=2 * RATE, learning_rate_y=3 * RATE, momentum=0.0, momentum_D=0.0)
    named, batch_norm = request.param != "clusters", request.param == "semi with BatchNorm"
    heads = request.param == "heads"
    own = dict(batch_norm=batch_norm, heads=heads, apart=1.0, views=request.param == "views", lam_H=0.7)
    config = aaesemi.Config(values=VALUES, named=named, lam_VAT=0.6 if request.param == "VAT" else 0.0, **own, **rates)
    return aaesemi.build(config, networks(), STYLE + VALUES).double()


@pytest.fixture
def inputs(plain):
    source = torch.Generator().manual_seed(1)
    images, labels = torch.rand(2 * BATCH, 1, 4, 4, generator=source) * 2 - 1, torch.arange(2 * BATCH) % VALUES
    drawn = plain.draw(images if plain.config.named else images[:BATCH], labels, lambda name: generator(0, name, 0))
    drawn |= {"warps": torch.cat([WARPS, WARPS])} if "warps" in drawn else {}  # with which `warped` warps
    double = {"x", "noise", "grain", "x_labelled", "grain_labelled"}  # views are float32 whatever images are
    return {name: value.double() if name in double else value for name, value in drawn.items()}


def information(one, other):
    """Of pairs of values with these probabilities (N, VALUES), in either order."""
    joint = sum(torch.outer(a, b) + torch.outer(b, a) for a, b in zip(one, other, strict=True)) / (2 * len(one))
    alone = joint.sum(0)
    return sum(joint[a, b] * torch.log(joint[a, b] / alone[a] / alone[b]) for a in range(VALUES) for b in range(VALUES))


def moved(p, x, direction):
    """KL(p(x) || p(x + r)), r of length 1.5 along the gradient of the same at a step of length 1 in the direction."""

    def divergence(r):
        at = p(x).detach()
        return (at * torch.log(at / p(x + r))).sum() / BATCH

    def of_length(images, length):
        return length * images / (images**2).flatten(1).sum(1).sqrt()[:, None, None, None]

    r = of_length(direction, 1.0).requires_grad_()
    return divergence(of_length(torch.autograd.grad(divergence(r), r)[0], 1.5))


def transcribed(nets, x, noise, grain, x_labelled=None, grain_labelled=None, labels=None, warps=None):
    """(rate, network -> its cost) of each phase, in their order; each is to be taken at the weights of its moment."""
    z, y = noise[0][:, :STYLE], torch.eye(VALUES).double()[noise[0][:, STYLE:].argmax(1)]

    def q(images, noise):
        outputs = nets.enc.network(images + 0.6 * noise)
        return outputs[:, :STYLE], torch.softmax(outputs[:, STYLE:], 1)

    def squares(x_rec):
        return 0.5 * (((x - x_rec) / 2) ** 2).sum() / BATCH

    def reconstruction():
        if not nets.config.heads:
            L_rec = squares(nets.dec(torch.cat(q(x, grain), 1)))
            return {"enc": L_rec, "dec": L_rec}
        (z_x, y_x), W_C, close = q(x, grain), nets.dec[0].W_C.weight, 0
        L_rec = squares(nets.dec[1](z_x + sum(y_x[:, [k]] * W_C[:, k] for k in range(VALUES))))
        for a in range(VALUES):
            for b in range(a):
                close = close + torch.clamp(1.0 - ((W_C[:, a] - W_C[:, b]) ** 2).sum().sqrt(), min=0)
        assert 0 < close
        return {"enc": L_rec, "dec": L_rec + close}

    def discriminators():
        z_x, y_x = q(x, grain)
        return {"D_z": -log(nets.D_z(z)) - log_not(nets.D_z(z_x)), "D_y": -log(nets.D_y(y)) - log_not(nets.D_y(y_x))}

    def fool():
        z_x, y_x = q(x, grain)
        return {"enc": -log(nets.D_z(z_x)) - log(nets.D_y(y_x))}

    def classification():
        p = q(x_labelled if warps is None else warped(x_labelled), grain_labelled)[1]
        cost = -torch.log(p[torch.arange(BATCH), labels]).mean()
        if warps is not None:
            one, other = q(x, grain)[1], q(warped(x), grain.flip(0))[1]
            used = torch.cat([one, other]).mean(0)
            cost = cost - information(one, other) + 0.7 * (used * torch.log(used)).sum()
        if nets.config.lam_VAT:
            cost = cost + 0.6 * moved(lambda images: q(images, grain)[1], x, grain)
        return {"enc": cost}

    phases = [(RATE, reconstruction), (2 * RATE, discriminators), (2 * RATE, fool)]
    return phases + ([] if x_labelled is None else [(3 * RATE, classification)])


def assert_follows(plain, transcribed, inputs):
    """A step of `plain` gives the parameters that gradient descent on the transcribed costs gives; its losses."""
    expected, before = copy.deepcopy(plain), copy.deepcopy(plain)
    for rate, phase in transcribed(expected, **inputs):
        costs = phase()
        found = {
            network: torch.autograd.grad(cost, list(getattr(expected, network).parameters()), retain_graph=True)
            for network, cost in costs.items()
        }
        with torch.no_grad():
            for network, gradients in found.items():
                for parameter, gradient in zip(getattr(expected, network).parameters(), gradients, strict=True):
                    parameter -= rate * gradient
    losses = plain.train_step(**inputs)
    assert all(loss.ndim == 0 and not loss.requires_grad and torch.isfinite(loss) for loss in losses.values())
    theirs = dict(expected.named_parameters())
    for key, parameter in plain.named_parameters():
        distance = (theirs[key] - before.get_parameter(key)).abs().max().item()
        assert distance > 0 or getattr(plain.config, "batch_norm", False), key  # before which no bias matters
        torch.testing.assert_close(parameter, theirs[key], rtol=0, atol=1e-5 * distance + 1e-9, msg=key)
    return losses


def test_a_step_equals_the_transcribed_phases(plain, inputs):
    losses = assert_follows(plain, transcribed, inputs)
    assert ("L_view" in losses) == plain.config.views and ("L_VAT" in losses) == (plain.config.lam_VAT > 0)
    assert ("L_y" in losses) == plain.config.named and ("L_heads" in losses) == plain.config.heads


def test_each_phase_has_an_optimizer_with_the_rate_and_momentum_of_its_config():
    config = aaesemi.Config(values=VALUES)
    opt = vars(aaesemi.build(config, networks(), STYLE + VALUES).opt)
    found = {name: (one.param_groups[0]["lr"], one.param_groups[0]["momentum"]) for name, one in opt.items()}
    fooling = dict.fromkeys(("D_z", "D_y", "enc_fool"), (0.1, 0.1))
    assert found == {"enc": (0.01, 0.9), "dec": (0.01, 0.9), "enc_y": (0.1, 0.9)} | fooling


def test_the_prior_is_a_style_and_one_of_the_values_all_alike():
    noise = torch.randn(3000, STYLE + VALUES, generator=torch.Generator().manual_seed(0))
    drawn = aaesemi.Categorical(VALUES)(noise)
    assert torch.equal(drawn[:, :STYLE], noise[:, :STYLE])
    assert torch.equal(drawn[:, STYLE:].sum(dim=1), torch.ones(3000)) and drawn[:, STYLE:].unique().tolist() == [0, 1]
    assert (drawn[:, STYLE:].mean(dim=0) - 1 / 3).abs().max() < 0.03


def test_codes_are_a_style_and_probabilities(plain):
    codes = plain.enc(torch.randn(5, 1, 4, 4).double())
    torch.testing.assert_close(codes[:, STYLE:].sum(dim=1), torch.ones(5).double(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("initial", [0.0, 0.01])
def test_initial_weights_are_torch_s_own_or_the_paper_s(initial):
    algorithm = aaesemi.build(aaesemi.Config(initial=initial), MLP(1, 28, width=100), 20)
    layers = [layer for layer in algorithm.modules() if isinstance(layer, nn.Linear)]
    assert len(layers) == 12
    assert all((abs(layer.weight.std() - 0.01) < 3e-3 and not layer.bias.any()) == bool(initial) for layer in layers)


def test_batch_norm_is_behind_each_linear_layer_of_the_encoder_and_nowhere_else():
    algorithm = aaesemi.build(aaesemi.Config(batch_norm=True), MLP(1, 8, width=4), 20)
    kinds = [type(layer).__name__ for layer in algorithm.enc.network]
    assert kinds == ["ToVector", *["Linear", "BatchNorm1d", "ReLU"] * 2, "Linear", "BatchNorm1d"]
    assert not [layer for layer in algorithm.dec.modules() if isinstance(layer, nn.BatchNorm1d)]


@pytest.mark.parametrize(("settings", "code", "words"), [({}, 10, "code"), ({"values": 1}, 20, "values")])
def test_codes_have_room_for_style_and_values(settings, code, words):
    with pytest.raises(UserError, match=words):
        aaesemi.build(aaesemi.Config(**settings), networks(), code)


def test_without_labels_only_clusters_can_be_drawn():
    algorithm = aaesemi.build(aaesemi.Config(), networks(), 20)
    with pytest.raises(UserError, match="labels"):
        algorithm.draw(torch.zeros(4, 1, 4, 4), None, lambda name: generator(0, name, 0))


# The labels that a run may use


def test_as_many_of_each_class_are_drawn_by_the_seed_and_all_others_are_hidden():
    labels = torch.arange(1000) ** 2 % 10
    index, known = known_labels(labels, 24, seed=0)
    assert len(index) == 24 == len(index.unique())
    assert torch.equal(known[index], labels[index]) and (known >= 0).sum() == 24
    counts = torch.bincount(labels[index], minlength=10)[labels.unique()]
    assert counts.max() - counts.min() <= 1
    assert torch.equal(known_labels(labels, 24, seed=0)[0], index)
    assert not torch.equal(known_labels(labels, 24, seed=1)[0], index)


def test_without_a_count_nothing_is_hidden_and_of_too_many_all_are_known():
    labels = torch.arange(30) % 10
    index, known = known_labels(labels, 0, seed=0)
    assert len(index) == 0 and torch.equal(known, labels)
    index, known = known_labels(labels, 1000, seed=0)
    assert torch.equal(index.sort().values, torch.arange(30)) and torch.equal(known, labels)


def test_of_sentences_none_is_known_as_a_label():
    tokens = torch.ones(30, 16, dtype=torch.int64)
    index, known = known_labels(tokens, 10, seed=0)
    assert len(index) == 0 and known is tokens


@pytest.mark.parametrize("known", [3, 8, 50])
def test_a_mini_batch_is_followed_by_as_many_known_images(known):
    index, known = [torch.arange(8), torch.arange(8, 16)], 100 + torch.arange(known)
    for epoch in (1, 2):
        found = list(followed(index, known, 0, epoch))
        for batch, own in zip(found, index, strict=True):
            assert torch.equal(batch[:8], own) and set(batch[8:].tolist()) <= set(known.tolist())
            assert len(batch[8:].unique()) == min(8, len(known)) and len(batch) == 16
    assert all(torch.equal(one, two) for one, two in zip(followed(index, known[:0], 0, 1), index, strict=True))


def test_labels_that_a_run_does_not_have_cannot_reach_its_steps():
    """Other labels in their place give the same bits."""
    config = resolve("aaesemi", "mnist5k", "smoke", batch_size=8, labelled=10)
    images = torch.randint(256, (40, 1, 28, 28), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    index, _ = known_labels(torch.arange(40) % 10, config.labelled, config.seed)
    found = []
    for other in (0, 5):
        labels = (torch.arange(40) + other) % 10
        labels[index] = index % 10
        training = start(config, torch.device("cpu"))
        hidden = torch.full_like(labels, -1)
        hidden[index] = labels[index]
        list(training.epochs(images, 1, lambda batches, count, epoch: followed(batches, index, 0, epoch), hidden))
        found.append(training.algorithm.state_dict())
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


@pytest.mark.parametrize("variant", ["labels_1000", "labels_all"])
def test_a_variant_runs_with_as_many_labels_as_it_says(variant):
    config = resolve("aaesemi", "mnist", "quick", variant)
    assert config.to_dict()["labelled"] == VARIANTS["aaesemi"][variant].changes["labelled"]
    assert "labelled" not in resolve("aae", "mnist", "quick").to_dict()
