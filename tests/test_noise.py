"""Noise z with other entries than codes have: a prior that is learned makes codes of it."""

import pytest
import torch

from lprior.config import build, from_dict, resolve
from lprior.errors import UserError
from lprior.evaluation.disentanglement import style
from lprior.model import load
from lprior.plane import plane
from lprior.results import RunFolder
from lprior.training.run import run


@pytest.mark.parametrize("variant", ["", "supervised", "unsupervised"])
def test_noise_may_have_other_entries_than_codes(tmp_path, variant):
    config = resolve("lpaae", "mnist5k", "smoke", variant, images=128, epochs=1, samples=200, code=4, noise=7)
    result = run(config, tmp_path / "run")
    model = load(result.path)
    values = 10 if variant else 0
    assert model.noise(10).shape == (10, 7 + values) and model.sample(10).shape == (10, 1, 28, 28)
    assert model.encode(torch.zeros(2, 1, 28, 28, dtype=torch.uint8)).shape == (2, 4)
    assert RunFolder(result.path).config() == config and config.noise == 7
    assert plane(model).width > 0
    images = torch.randint(0, 256, (3, 1, 28, 28), dtype=torch.uint8)
    assert style(model, images, torch.tensor([0, 1, 2])).shape == (3, 7 if variant else 4)


def test_without_a_size_of_its_own_noise_has_the_entries_of_a_code():
    assert resolve("lpaae", "mnist5k", "smoke", code=4).noise == resolve("aae", "mnist5k", "smoke", code=4).noise == 4


@pytest.mark.parametrize("changes", [{"variant": "fixed", "noise": 7}, {"noise": 0}])
def test_noise_that_cannot_be_is_refused(changes):
    with pytest.raises(UserError, match="noise"):
        build(resolve("lpaae", "mnist5k", "smoke", **changes))


def test_a_run_from_before_noise_had_a_size_has_that_of_its_code():
    values = resolve("lpaae", "mnist5k", "smoke").to_dict()
    del values["settings"]["noise"]
    assert from_dict(values) == resolve("lpaae", "mnist5k", "smoke")
