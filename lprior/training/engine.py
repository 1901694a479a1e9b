"""How the steps of an algorithm are taken: operation by operation, or as a CUDA graph, captured once and replayed."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from lprior.algorithms import Trainable
from lprior.errors import UserError

WARM_UP = 3  # steps before the capture, in which libraries choose their kernels and optimizers make their state


def choose_engine(wanted: str, device: torch.device) -> str:
    """The engine's name: "auto" is "graph" on CUDA, else "eager".

    Raises UserError for "graph" on a CPU and for unknown names.
    """
    if wanted not in ("auto", "eager", "graph"):
        raise UserError(f"engine {wanted!r} is unknown: choose auto, eager or graph")
    if wanted == "graph" and device.type != "cuda":
        raise UserError("engine graph needs a CUDA device: use --engine auto or eager")
    if wanted == "auto":
        return "graph" if device.type == "cuda" else "eager"
    return wanted


class Engine:
    """Takes the steps of an algorithm. `name` says how: "eager" or "graph".

    "graph" captures the algorithm's whole `train_step` (forward passes, gradients, Adam) with the first batch, and from
    then on replays it: one launch in the place of hundreds, with the same results. A step must therefore be the same
    operations on tensors of the same shapes every time, with no random numbers but its inputs, and look at no value.

    Where `wanted` is "auto" and the capture fails, `name` becomes "eager", with a notice.
    """

    def __init__(self, algorithm: Trainable, device: torch.device, bfloat16: bool, wanted: str = "auto"):
        self.algorithm, self.device, self.bfloat16 = algorithm, device, bfloat16
        self.name, self._may_change = choose_engine(wanted, device), wanted == "auto"
        self._graph: torch.cuda.CUDAGraph | None = None

    def step(self, **inputs: Tensor) -> dict[str, Tensor]:
        """One `train_step` of the algorithm: x (N, C, H, W), noise (draws, N, noise), and whatever else it wants.
        Returns its losses.

        Raises UserError if a graph was asked for by name and cannot be captured.
        """
        if self.name == "graph" and self._graph is None:
            self._capture_or_change(inputs)
        return self.eager(**inputs) if self.name == "eager" else self._replay(inputs)

    def eager(self, **inputs: Tensor) -> dict[str, Tensor]:
        """The step as it stands in the algorithm, whatever `name` is."""
        # Without a cache of cast weights: it would outlive the update, and a captured step cannot share it.
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16, cache_enabled=False):
            return self.algorithm.train_step(**inputs)

    def forget(self) -> None:
        """To be called when the optimizers got new state tensors or rates: a captured step would go on with the old."""
        self._graph = None

    def _replay(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        assert self._graph is not None
        for name, kept in self._inputs.items():
            kept.copy_(inputs[name])
        self._graph.replay()
        return dict(zip(self._names, self._losses.clone().unbind(), strict=True))

    def _capture_or_change(self, inputs: dict[str, Tensor]) -> None:
        before = {tensor: tensor.clone() for tensor in self._state()}
        try:
            self._capture(inputs)
        except RuntimeError as error:
            reason = f"the step cannot be captured as a CUDA graph ({str(error).strip().splitlines()[0]})"
            if not self._may_change:
                raise UserError(f"{reason}: use --engine auto or eager") from error
            self.name, self._graph = "eager", None
            print(f"{reason}: going on with engine eager", flush=True)
        finally:
            # What the warm-up moved goes back in place, since the graph knows addresses; what it made starts at zero.
            with torch.no_grad():
                for tensor in self._state():
                    tensor.copy_(before[tensor]) if tensor in before else tensor.zero_()

    def _capture(self, inputs: dict[str, Tensor]) -> None:
        self._inputs = {name: tensor.clone() for name, tensor in inputs.items()}
        graph = torch.cuda.CUDAGraph()
        here, aside = torch.cuda.current_stream(self.device), torch.cuda.Stream(self.device)
        aside.wait_stream(here)
        try:
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    self.eager(**self._inputs)
                with _capturable(self.algorithm), torch.cuda.graph(graph, stream=aside):
                    losses = self.eager(**self._inputs)
                    self._names, self._losses = list(losses), torch.stack(list(losses.values()))
        finally:
            here.wait_stream(aside)
        self._graph = graph

    def _state(self) -> Iterator[Tensor]:
        """All that a step changes: parameters, buffers, and what the optimizers remember."""
        yield from self.algorithm.parameters()
        yield from self.algorithm.buffers()
        for optimizer in vars(self.algorithm.opt).values():
            for remembered in optimizer.state.values():
                yield from remembered.values()


@contextmanager
def _capturable(algorithm: Trainable) -> Iterator[None]:
    """Fused Adam counts its steps on the device and so can be captured, but torch wants to be told.

    Only for the capture, so that checkpoints say the same whatever engine wrote them.
    """
    groups = [group for optimizer in vars(algorithm.opt).values() for group in optimizer.param_groups]
    for group in groups:
        group["capturable"] = True
    try:
        yield
    finally:
        for group in groups:
            group["capturable"] = False
