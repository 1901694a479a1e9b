"""Priors fitted to the codes of a finished model, the controls of a learned one (Ghosh et al. 2020: ex-post density
estimation).

`FITTED` has them by the names that begin the keys of their metrics. The mixture of ten, of which every run is measured,
is the control; the others are of the study of codes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lprior.model import Model
from lprior.streams import batches, generator

CONTROL, COMPONENTS = "gmm10", 10  # a mixture of so many
FLOW = {"transforms": 3, "hidden_features": (128, 128)}  # neural splines, autoregressive (Durkan et al. 2019)
FLOW_EPOCHS, FLOW_BATCH, FLOW_RATE = 20, 1000, 1e-3


class NotFitted(Exception):
    """None can be fitted; the reason is in words that are the same whenever it is tried."""


def fitted_samples(model: Model, codes: Tensor, prior: str = CONTROL) -> Tensor:
    """uint8 images (N, C, H, W), as many as the run's samples: the model's decoder on codes drawn of a prior, one of
    `FITTED`, that is fitted to `codes` (M, code). Raises NotFitted if they are too few for it, or have collapsed."""
    count = model.config.samples
    return model.decode(FITTED[prior].draw(codes, count, model.config.seed, model.device))


def mixture(components: int, **settings) -> Callable[..., Tensor]:
    """A Gaussian mixture of so many components, each with a covariance matrix of its own."""

    def drawn(codes: Tensor, count: int, seed: int, device: torch.device) -> Tensor:
        from sklearn.mixture import GaussianMixture

        if len(codes) < components:
            raise NotFitted(f"a mixture of {components} takes as many codes, of {len(codes)}")
        try:
            found = GaussianMixture(components, random_state=seed, **settings).fit(codes.double().numpy())
        except ValueError as error:
            raise NotFitted("no mixture can be fitted to the codes") from error
        codes = torch.from_numpy(found.sample(count)[0]).float()
        return codes[torch.randperm(count, generator=generator(seed, "mixture", 0))]

    return drawn


def flow(codes: Tensor, count: int, seed: int, device: torch.device) -> Tensor:
    """Of a normalizing flow, trained for `FLOW_EPOCHS` on the codes brought to mean 0 and deviation 1."""
    from zuko.flows import NSF

    mean, deviation = codes.mean(dim=0), codes.std(dim=0)
    if not (deviation > 0).all():
        raise NotFitted("no flow can be fitted to the codes")
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        model = NSF(codes.shape[1], **FLOW).to(device)
        x = ((codes - mean) / deviation).to(device)
        optimizer = torch.optim.Adam(model.parameters(), FLOW_RATE)
        for epoch in range(FLOW_EPOCHS):
            for index in batches(len(x), min(FLOW_BATCH, len(x)), seed, epoch, device):
                loss = -model().log_prob(x[index]).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        with torch.no_grad():
            drawn = model().sample((count,)).cpu()
    if not drawn.isfinite().all():
        raise NotFitted("the flow's codes are no finite numbers")
    return drawn * deviation + mean


def kernels(codes: Tensor, count: int, seed: int, device: torch.device) -> Tensor:
    """Of a kernel density estimate: the images' codes with Gaussian noise, of Scott's width in their deviations."""
    from sklearn.neighbors import KernelDensity

    mean, deviation = codes.mean(dim=0), codes.std(dim=0)
    if not (deviation > 0).all():
        raise NotFitted("no kernels can be fitted to the codes")
    found = KernelDensity(bandwidth="scott").fit(((codes - mean) / deviation).double().numpy())
    return torch.from_numpy(found.sample(count, random_state=seed)).float() * deviation + mean


def codes_themselves(codes: Tensor, count: int, seed: int, device: torch.device) -> Tensor:
    """Of the images' own codes, in random order: no prior, but what the decoder could do with a perfect one."""
    return codes[torch.randint(len(codes), (count,), generator=generator(seed, "codes", 0))]


@dataclass(frozen=True)
class Prior:
    """`title`: before the titles of its metrics. `draw(codes, count, seed, device)`: codes (count, code) of the prior
    that is fitted to codes (M, code). Raises NotFitted."""

    title: str
    draw: Callable[..., Tensor]


FITTED = {  # in the order of tables
    CONTROL: Prior("mixture", mixture(COMPONENTS)),
    "gmm1": Prior("Gaussian", mixture(1)),
    # its iterations take minutes at 64 entries, and gain little after these
    "gmm100": Prior("mixture of 100", mixture(100, init_params="k-means++", max_iter=40)),
    "flow": Prior("flow", flow),
    "kde": Prior("kernels", kernels),
    "codes": Prior("codes", codes_themselves),
}
