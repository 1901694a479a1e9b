"""From a trained model to its metrics: what is sampled, what it is compared with, and the protocol in each key.

    fid_mnist_clf1_10k_test
    |   |          |   |      metric
        |          |   |      features: version 1 of the classifier shipped for MNIST
                   |   |      number of samples
                       |      reference: all test images
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lprior import metrics
from lprior.data import Dataset, generator, to_float, to_uint8
from lprior.evaluators import EVALUATOR_OF, load_evaluator, protocol
from lprior.networks import Autoencoder

COMPONENTS = 10  # of the Gaussian mixture that is the control of a learned prior
VALIDATION = 5000  # training images, the last ones, on which Parzen windows choose their width


@torch.no_grad()
def in_batches(model: Autoencoder, function: Callable[[Tensor], Tensor], rows: Tensor, batch_size: int = 500) -> Tensor:
    """`function` of `rows`, some at a time on the model's device; the answers on the CPU."""
    device = next(model.parameters()).device
    return torch.cat([function(part.to(device)).cpu() for part in rows.split(batch_size)])


def sample(model: Autoencoder, noise: Tensor) -> Tensor:
    """uint8 images (N, C, H, W) from noise (N, noise), on the CPU."""
    return in_batches(model, lambda z: to_uint8(model(z)), noise)


def encode(model: Autoencoder, images: Tensor) -> Tensor:
    """Codes (N, code), on the CPU, of uint8 images (N, C, H, W)."""
    return in_batches(model, lambda x: model.encode(to_float(x)), images)


def decode(model: Autoencoder, codes: Tensor) -> Tensor:
    """uint8 images (N, C, H, W), on the CPU, of codes (N, code)."""
    return in_batches(model, lambda codes: to_uint8(model.dec(codes)), codes)


def mixture_samples(model: Autoencoder, images: Tensor, count: int, seed: int) -> Tensor:
    """uint8 images from codes drawn of a Gaussian mixture that is fitted to the codes of `images` after training.

    The control of Ghosh et al. (2020): what a prior gains that was not learned with the model, but fitted to it.
    """
    from sklearn.mixture import GaussianMixture

    codes = encode(model, images).double().numpy()
    mixture = GaussianMixture(COMPONENTS, random_state=seed).fit(codes)
    drawn = torch.from_numpy(mixture.sample(count)[0]).float()
    return decode(model, drawn[torch.randperm(count, generator=generator(seed, "mixture", 0))])


class Judge:
    """The shipped classifier of a data set with what it sees in the test images: measures samples.

    Where no classifier is shipped for the data set, nothing that needs one is measured.
    """

    def __init__(self, test: Dataset, device: torch.device | str = "cpu"):
        self.available = test.name in EVALUATOR_OF
        if self.available:
            self.evaluator, self.protocol = load_evaluator(test.name).to(device), protocol(test.name)
            self.reference, _ = self.evaluator.measure(test.images)

    def glance(self, samples: Tensor) -> dict:
        """FID and score of uint8 samples (N, C, H, W): cheap enough to be taken again and again in training."""
        if not self.available:
            return {}
        features, logits = self.evaluator.measure(samples)
        count = thousands(len(samples))
        return {
            f"fid_{self.protocol}_{count}_test": metrics.frechet_distance(features, self.reference),
            f"score_{self.protocol}_{count}": metrics.classifier_score(logits),
        }

    def measure(self, samples: Tensor) -> dict:
        """Every metric on features of uint8 samples (N, C, H, W); `sheet100`: of the first hundred."""
        if not self.available:
            return {}
        features, logits = self.evaluator.measure(samples)
        count = thousands(len(samples))
        histogram = metrics.class_histogram(logits)
        precision, recall = metrics.precision_recall(features, self.reference)
        return {
            f"fid_{self.protocol}_{count}_test": metrics.frechet_distance(features, self.reference),
            f"kid_{self.protocol}_{count}_test": metrics.kernel_distance(features, self.reference),
            f"precision_{self.protocol}_{count}_test": precision,
            f"recall_{self.protocol}_{count}_test": recall,
            f"score_{self.protocol}_{count}": metrics.classifier_score(logits),
            f"score_{self.protocol}_sheet100": metrics.classifier_score(logits[:100]),
            f"entropy_{self.protocol}_{count}": metrics.entropy(histogram),
            f"histogram_{self.protocol}_{count}": histogram.tolist(),
        }


def parzen(samples: Tensor, train: Dataset, test: Dataset) -> dict:
    """Parzen-window log-likelihood of the test images in nats, as Goodfellow et al. (2014) and the AAE paper give it.

    The width is chosen on the last training images; the standard error is that of the mean over test images.
    """
    sigma = metrics.best_sigma(train.images[-VALIDATION:], samples)
    values, count = metrics.parzen_log_likelihood(test.images, samples, sigma), thousands(len(samples))
    return {
        f"parzen_{count}_test": values.mean().item(),
        f"parzenstderr_{count}_test": values.std().item() / len(values) ** 0.5,
        f"parzensigma_{count}": sigma,
    }


def measure(model: Autoencoder, noise: Tensor, train: Dataset, test: Dataset, size: int, seed: int) -> dict:
    """Every metric of a model for images of `size` x `size` pixels, whose samples are made from `noise` (N, noise).

    All is measured at the native resolution of the data set, to which larger images are cropped. Keys that begin with
    gmm10 are of the control, the samples of a mixture fitted to the codes of the training images.
    """
    judge = Judge(test, noise.device)
    samples = cropped(sample(model, noise), test)
    reconstructions = cropped(decode(model, encode(model, test.padded(size).images)), test)
    values = {
        "reconstruction_mse_test": ((reconstructions.float() - test.images.float()) / 255).square().mean().item(),
        **judge.measure(samples),
    }
    if _grey(test):
        values |= parzen(samples, train, test)
    if judge.available:
        control = cropped(mixture_samples(model, train.padded(size).images, len(noise), seed), test)
        values |= {f"gmm{COMPONENTS}_{key}": value for key, value in judge.measure(control).items()}
    return values


def cropped(images: Tensor, like: Dataset) -> Tensor:
    """The middle pixels of images (N, C, H, W), as many as the images of a data set have."""
    margin = (images.shape[-1] - like.images.shape[-1]) // 2
    return images[..., margin : images.shape[-2] - margin, margin : images.shape[-1] - margin]


def anchors(train: Dataset, test: Dataset) -> dict:
    """What real images get: the first training images in the place of samples, and the test images' own scores."""
    judge, count = Judge(test), len(test.images)
    own = {key: value for key, value in judge.measure(test.images).items() if not key.endswith("_test")}
    against = {key: value for key, value in judge.measure(train.images[:count]).items() if key.endswith("_test")}
    return {**against, **own} | (parzen(train.images[:count], train, test) if _grey(test) else {})


def _grey(dataset: Dataset) -> bool:
    """Parzen windows are for these alone: in the 3,072 dimensions of CIFAR-10 ten thousand of them say nothing."""
    return dataset.images.shape[1] == 1


def thousands(count: int) -> str:
    """A number of samples as keys have it: 10000 is 10k."""
    return f"{count // 1000}k" if count % 1000 == 0 else str(count)
