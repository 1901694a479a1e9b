"""The weights are not shipped, and no test downloads them: a network of their shape with random ones stands in."""

from urllib.error import URLError

import pytest
import torch

from lprior import data
from lprior.errors import DataUnavailable, UserError
from lprior.evaluation.inception import inception_metrics


@pytest.fixture(scope="module")
def few():
    return data.load("mnist5k", split="test").head(12)


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory):
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save({}, path)
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.Module, "load_state_dict", lambda self, state: None)
        network = FeatureExtractorInceptionV3("random", ["2048"], feature_extractor_weights_path=str(path))
    torch.save(network.state_dict(), path)
    return path


def test_the_keys_name_the_network_and_the_protocol(few, random_weights):
    values = inception_metrics(few.images.flip(3), few, random_weights)
    assert set(values) == {"fid_inception_12_test", "kid_inception_12_test", "score_inception_12"}
    assert all(isinstance(value, float) for value in values.values())


def test_weights_that_are_missing_or_others_are_refused(few, tmp_path):
    with pytest.raises(UserError, match="do not exist"):
        inception_metrics(few.images, few, tmp_path / "none.pth")
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="does not hold the weights"):
        inception_metrics(few.images, few, tmp_path / "other.pth")


def test_without_weights_and_network_the_reason_is_said(few, monkeypatch):
    def no_network(*arguments, **options):
        raise URLError("no network")

    monkeypatch.setattr("torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url", no_network)
    with pytest.raises(DataUnavailable, match="not available.*no network.*--inception"):
        inception_metrics(few.images, few)
