"""AAE with labels in the decoder, and with labels in the discriminator of codes, against plain transcriptions."""

import math

import pytest
import torch
from test_aaesemi import assert_follows, networks
from test_algorithms import BATCH, RATE, log, log_not, mean_squares
from torch.optim import SGD

from lprior.algorithms import aaelabel, aaeplane
from lprior.algorithms.aaeplane import SHAPES, Plane
from lprior.errors import UserError
from lprior.streams import generator

CODE = 3
X = torch.rand(BATCH, 1, 4, 4, generator=torch.Generator().manual_seed(1)).double() * 2 - 1
LABELS = torch.tensor([3, -1, 0, 9, -1, 9, 1, 2])  # -1: not known


def stream(name):
    return generator(0, name, 0)


def on_plain_networks(module, config, code):
    """In double precision, with plain gradient descent."""
    torch.manual_seed(0)
    algorithm = module.build(config, networks(), code).double()
    for network in vars(algorithm.opt):
        setattr(algorithm.opt, network, SGD(getattr(algorithm, network).parameters(), lr=RATE))
    return algorithm


def drawn(algorithm, labels):
    found = algorithm.draw(X, labels, stream)
    return {name: value.double() for name, value in found.items()}


@pytest.mark.parametrize("D_C_sees_labels", [False, True])
def test_the_supervised_step_equals_its_transcription(D_C_sees_labels):
    config, labels = aaelabel.Config(lam=3.0, D_C_sees_labels=D_C_sees_labels), LABELS.clamp(min=0)
    algorithm = on_plain_networks(aaelabel, config, CODE)

    def phases(nets, x, noise):
        z, s = noise[0][:, :CODE], torch.eye(10).double()[labels]
        assert torch.equal(noise[0][:, CODE:], s)

        def D_C(z):
            return nets.D_C(torch.cat([z, s], 1) if D_C_sees_labels else z)

        def reconstruction():
            L_rec = 3.0 * mean_squares(x, nets.dec(torch.cat([nets.enc(x), s], 1)))
            return {"enc": L_rec, "dec": L_rec}

        def discriminator():
            return {"D_C": -(log(D_C(z)) + log_not(D_C(nets.enc(x))))}

        return [(RATE, reconstruction), (RATE, discriminator), (RATE, lambda: {"enc": -log(D_C(nets.enc(x)))})]

    assert_follows(algorithm, phases, drawn(algorithm, labels))


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_step_in_the_plane_equals_its_transcription(shape, named):
    algorithm = on_plain_networks(aaeplane, aaeplane.Config(lam=3.0, shape=shape, named=named), 2)

    def phases(nets, x, noise, tag):
        z, parts = nets.prior(noise[0]), [int(10 * torch.special.ndtr(n)) for n in noise[0][:, 0]]
        known = [named and label >= 0 for label in LABELS.tolist()]
        tag_x = [label if k else 10 for label, k in zip(LABELS.tolist(), known, strict=True)]
        tag_z = [part if k else 10 for part, k in zip(parts, known, strict=True)]
        seen_z, one_hot = torch.cat([z, torch.eye(11).double()[tag_z]], 1), torch.eye(11).double()[tag_x]

        def seen_x():
            return torch.cat([nets.enc(x), one_hot], 1)

        def reconstruction():
            L_rec = 3.0 * mean_squares(x, nets.dec(nets.enc(x)))
            return {"enc": L_rec, "dec": L_rec}

        def discriminator():
            return {"D_C": -(log(nets.D_C(seen_z)) + log_not(nets.D_C(seen_x())))}

        return [(RATE, reconstruction), (RATE, discriminator), (RATE, lambda: {"enc": -log(nets.D_C(seen_x()))})]

    assert_follows(algorithm, phases, drawn(algorithm, LABELS))


def test_the_code_of_an_image_has_the_label_that_reconstructs_it_best():
    algorithm = on_plain_networks(aaelabel, aaelabel.Config(), CODE)
    model = algorithm.autoencoder()
    codes, found = model.encode(X), model.Q(X)
    torch.testing.assert_close(codes[:, :CODE], algorithm.enc(X))
    for image, code, likelihoods in zip(X, codes, found, strict=True):
        errors = []
        for label in range(10):
            x_rec = algorithm.dec(torch.cat([code[:CODE], torch.eye(10).double()[label]])[None])
            errors.append(0.5 * ((image - x_rec) ** 2).sum())
        assert torch.allclose(-torch.stack(errors), likelihoods)
        assert code[CODE:].argmax() == torch.stack(errors).argmin() and code[CODE:].sum() == 1


def test_parts_of_the_priors_are_alike_in_mass_and_where_they_should_be():
    noise = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(0))
    for shape in SHAPES:
        part = Plane(shape).part(noise)
        assert (torch.bincount(part.long(), minlength=10) / len(noise) - 0.1).abs().max() < 0.01
    z, part = Plane("mixture")(noise), Plane("mixture").part(noise)
    for k in range(10):
        angle, own = 2 * math.pi * k / 10, z[part == k]
        along = torch.tensor([math.cos(angle), math.sin(angle)])
        across = torch.tensor([-math.sin(angle), math.cos(angle)])
        assert (own @ along).mean() == pytest.approx(8, abs=0.2) and (own @ along).std() == pytest.approx(2, abs=0.1)
        assert (own @ across).mean() == pytest.approx(0, abs=0.1) and (own @ across).std() == pytest.approx(
            0.5, abs=0.05
        )
    radius, part = Plane("swiss_roll")(noise).norm(dim=1), Plane("swiss_roll").part(noise)
    means = torch.stack([radius[part == k].mean() for k in range(10)])
    assert (
        (means.diff() > 0).all() and means[0] == pytest.approx(2.8, abs=0.2) and means[9] == pytest.approx(9.8, abs=0.2)
    )
    assert torch.equal(Plane("gaussian")(noise), 5 * noise)


@pytest.mark.parametrize("far", [-9.0, 9.0])
def test_no_noise_is_too_far_out(far):
    noise = torch.tensor([[far, 1.0], [0.0, far]])
    assert all(Plane(shape)(noise).isfinite().all() for shape in SHAPES)
    assert Plane("mixture").part(noise)[0] in (0, 9)


def test_what_cannot_be_is_refused():
    with pytest.raises(UserError, match="helix"):
        aaeplane.Config(shape="helix")
    with pytest.raises(UserError, match="code must be 2"):
        aaeplane.build(aaeplane.Config(), networks(), 3)
    for module, config, code in ((aaelabel, aaelabel.Config(), 3), (aaeplane, aaeplane.Config(), 2)):
        with pytest.raises(UserError, match="labels"):
            module.build(config, networks(), code).draw(X, None, stream)
