"""The training loop: steps, moving average, resume. It knows no loss by name."""

import copy
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from lprior.algorithms import Trainable
from lprior.data import to_float
from lprior.errors import TrainingDiverged
from lprior.streams import batches, generator
from lprior.training.engine import Engine

CHECK_EVERY = 100  # steps between looks at the losses, each of which waits for the device
DIRECTIONS = ("._u", "._v")  # buffers of spectral normalisation: unit vectors, whose mean would be shorter


class Training:
    """An algorithm in training, with what a checkpoint holds.

    `average` is the exponential moving average of the autoencoder that samples and reconstructs. `log` has one row
    per finished epoch. Random numbers depend on (seed, epoch) and (seed, step) alone, so that a run which was stopped
    and resumed ends with the same bits as one that was not (same machine, device, threads, precision and engine;
    but for views of images on CUDA, whose gradients torch adds up in any order).
    `falling`: over so many last epochs the learning rates fall, by equal steps from epoch to epoch, towards zero.
    `engine`: how steps are taken, "auto", "eager" or "graph" (see `engine.py`).
    """

    def __init__(
        self, algorithm: Trainable, seed: int, batch_size: int, ema_decay: float, bfloat16: bool = False,
        falling: int = 0, engine: str = "auto",
    ):  # fmt: skip
        self.algorithm, self.seed, self.batch_size, self.ema_decay = algorithm, seed, batch_size, ema_decay
        self.bfloat16, self.falling = bfloat16, falling
        self.step, self.log = 0, list[dict]()
        self.live = self.algorithm.autoencoder()
        self.average = copy.deepcopy(self.live).eval().requires_grad_(False)
        self.device = next(self.algorithm.parameters()).device
        self.engine = Engine(self.algorithm, self.device, self.bfloat16, engine)
        self._rates = [group["lr"] for group in self._groups()]
        live, average = self.live.state_dict(), self.average.state_dict()
        pairs = [(name, kept, live[name]) for name, kept in average.items() if kept.is_floating_point()]
        self._averaged = [kept for name, kept, _ in pairs if not name.endswith(DIRECTIONS)]
        self._followed = [followed for name, _, followed in pairs if not name.endswith(DIRECTIONS)]
        self._copies = [(kept, followed) for name, kept, followed in pairs if name.endswith(DIRECTIONS)]

    @property
    def epoch(self) -> int:
        """The number of finished epochs."""
        return len(self.log)

    def epochs(
        self, images: Tensor, last: int, watch: Callable = lambda batches, count, epoch: batches,
        labels: Tensor | None = None,
    ) -> Iterator[dict]:  # fmt: skip
        """Train up to epoch `last`, yielding each finished epoch's row of the log.

        `images`: uint8 (N, C, H, W) on the device. `watch(batches, count, epoch)` passes the batches of an epoch on, as
        a progress bar does. `labels`: int64 (N,) on the device, for an algorithm that learns from them, which without
        them raises UserError. Raises TrainingDiverged if a loss is not a finite number.
        """
        while self.epoch < last:
            self._set_rates(min(1.0, (last - self.epoch) / (self.falling + 1)))
            losses: dict[str, list[Tensor]] = {}
            started, epoch = time.perf_counter(), self.epoch + 1
            indices = batches(len(images), self.batch_size, self.seed, epoch, images.device)
            for index in watch(indices, len(images) // self.batch_size, epoch):
                of_batch = labels[index] if labels is not None and len(labels) else None
                for name, value in self.train_step(to_float(images[index]), of_batch).items():
                    losses.setdefault(name, []).append(value)
                if self.step % CHECK_EVERY == 0:
                    self._check(losses)
            self._check(losses)
            self._check_weights()
            means = {name: torch.stack(values).mean().item() for name, values in losses.items()}
            seconds = time.perf_counter() - started
            rate = len(next(iter(losses.values()))) * self.batch_size / seconds
            self.log.append({"epoch": epoch, **means, "seconds": seconds, "images_per_second": rate})
            yield self.log[-1]

    def train_step(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """One step of the algorithm, with what it draws, and of the moving average. `labels`: int64 (N,), of x."""
        losses = self.engine.step(**self.inputs(x, labels))
        self._update_average()
        self.step += 1
        return losses

    def inputs(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """What the algorithm's `train_step` takes in the present step."""
        return self.algorithm.draw(x, labels, lambda name: generator(self.seed, name, self.step, self.device))

    def _groups(self) -> list[dict]:
        """Of all optimizers, what holds their learning rates."""
        return [group for optimizer in vars(self.algorithm.opt).values() for group in optimizer.param_groups]

    def _set_rates(self, share: float) -> None:
        for group, rate in zip(self._groups(), self._rates, strict=True):
            if group["lr"] != share * rate:
                group["lr"] = share * rate
                self.engine.forget()

    @torch.no_grad()
    def _update_average(self) -> None:
        # The decay is ramped up, so that the average does not remember the initialisation.
        decay = min(self.ema_decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self._averaged, self._followed, 1 - decay)
        for kept, followed in self._copies:
            kept.copy_(followed)

    def _check(self, losses: dict[str, list[Tensor]]) -> None:
        recent = [torch.stack(values[-CHECK_EVERY:]) for values in losses.values()]
        finite = torch.isfinite(torch.stack(recent, dim=1))
        if not finite.all():
            index, which = (~finite).nonzero()[0].tolist()  # the earliest step, and there the first loss
            step, name = self.step - len(finite) + index + 1, list(losses)[which]
            raise TrainingDiverged(
                f"{name} is not a finite number at step {step}, in epoch {self.epoch + 1}; "
                "the same command would end so again: change a setting or the seed"
            )

    def _check_weights(self) -> None:
        """The last update may have spoilt what all losses of the epoch were computed from."""
        for name, tensor in self.algorithm.state_dict().items():
            if not tensor.isfinite().all():
                raise TrainingDiverged(
                    f"{name} is not a finite number at the end of epoch {self.epoch + 1}; the same command would end "
                    "so again: change a setting or the seed"
                )

    def state_dict(self) -> dict:
        """Everything that `load_state_dict` needs to go on: tensors and plain values only."""
        return {
            "algorithm": self.algorithm.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in vars(self.algorithm.opt).items()},
            "step": self.step,
            "log": self.log,
        }

    def load_state_dict(self, state: dict) -> None:
        self.algorithm.load_state_dict(state["algorithm"])
        self.average.load_state_dict(state["average"])
        for name, optimizer in vars(self.algorithm.opt).items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.step, self.log = state["step"], list(state["log"])
        self.engine.forget()
