"""The readings of Algorithm 1: what they descend, and what the report says of them."""

from dataclasses import asdict

import torch

from lprior.algorithms.lpaae_tuned import PRINTED
from lprior.config import build, resolve
from lprior.streams import generator


def test_readings_of_algorithm_1_have_only_terms_of_the_paper():
    """And differ among themselves in what their titles say; plain ones in nothing that is a term."""
    base = asdict(resolve("lpaae", "mnist", "algorithm1", "printed").settings)
    assert {name: base[name] for name in PRINTED} == PRINTED and base["lam"] == 1.0
    changed = {"moved": {"CG_learns"}, "two_terms": {"CG_learns", "x_rec_is_fake"}, "baseline": {"prior"}}
    for name, wanted in {"printed": set(), **changed}.items():
        for kind, of_optimizer in (("", set()), ("_plain", {"learning_rate_D"})):
            config = resolve("lpaae", "mnist", "algorithm1", f"{name}{kind}")
            found = asdict(config.settings)
            assert {each for each in base if found[each] != base[each]} - {"reading"} == wanted | of_optimizer
            assert (config.networks, config.spectral_norm, config.ema_decay > 0) == (
                ("plain", False, False) if kind else ("compact", True, True)
            )
    config = resolve("lpaae", "mnist", "algorithm1", "moved_plain").settings
    assert config.learning_rate_D == config.learning_rate


def test_printed_s_learns_from_generated_images_alone():
    for name in ("supervised", "unsupervised"):
        config = resolve("lpaae", "mnist", "algorithm1", f"{name}_printed")
        algorithm = build(config)
        labels = torch.arange(config.batch_size) % 10
        images = torch.rand(config.batch_size, 1, 28, 28) * 2 - 1
        losses = algorithm.train_step(**algorithm.draw(images, labels, lambda name: generator(0, name, 0)))
        assert losses.keys() == {"L_GAN_C", "L_rec", "L_GAN_I", "L_info"}
