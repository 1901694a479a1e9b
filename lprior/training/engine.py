"""How the steps of an algorithm are taken: operation by operation, or as a CUDA graph, captured once and replayed."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from lprior.algorithms import Trainable
from lprior.device import convolutions
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

    An algorithm says by `capturable` whether its steps are like that; "auto" is "eager" for one whose steps are not.
    Raises UserError for "graph" then: a capture that fails leaves torch's allocator and generator in capture, and
    nothing in that process can be trusted any more, so that it is no way to find out.
    """

    def __init__(self, algorithm: Trainable, device: torch.device, bfloat16: bool, wanted: str = "auto"):
        self.algorithm, self.device, self.bfloat16 = algorithm, device, bfloat16
        self.name = choose_engine(wanted, device)
        if self.name == "graph" and not algorithm.capturable:
            if wanted == "graph":
                raise UserError("steps of this algorithm look at values and cannot be captured: use --engine eager")
            self.name = "eager"
        self._aside: torch.cuda.Stream | None = None
        self._graph: torch.cuda.CUDAGraph | None = None

    def step(self, **inputs: Tensor) -> dict[str, Tensor]:
        """One `train_step` of the algorithm: x (N, C, H, W), noise (draws, N, noise), and whatever else it wants.
        Returns its losses.

        Raises UserError if the step cannot be captured.
        """
        if self.name == "eager":
            return self.eager(**inputs)
        if self._graph is None:
            self._capture_without_trace(inputs)
        return self._replay(inputs)

    def eager(self, **inputs: Tensor) -> dict[str, Tensor]:
        """The step as it stands in the algorithm, whatever `name` is."""
        # Each pass casts its weights, so that gradients of several passes are added in float32; a cache of cast weights
        # would outlive the update, too, and a captured step cannot share it.
        cast = torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16, cache_enabled=False)
        with cast, convolutions(self.device, tf32=True):
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

    def _capture_without_trace(self, inputs: dict[str, Tensor]) -> None:
        before = self._copies()
        try:
            self._capture(inputs)
        except RuntimeError as error:
            cause = error.__context__ or error  # ending a capture that has failed raises an error of its own
            reason = str(cause).strip().splitlines()[0]
            raise UserError(f"the step cannot be captured as a CUDA graph ({reason}): use --engine eager") from error
        finally:
            # What the warm-up moved goes back in place, since the graph knows addresses; what it made starts at zero.
            with torch.no_grad():
                for tensor in self._state():
                    tensor.copy_(before[tensor]) if tensor in before else tensor.zero_()

    def _capture(self, inputs: dict[str, Tensor]) -> None:
        self._inputs = {name: tensor.clone() for name, tensor in inputs.items()}
        graph = torch.cuda.CUDAGraph()
        here = torch.cuda.current_stream(self.device)
        aside = self._aside = self._aside or torch.cuda.Stream(self.device)
        aside.wait_stream(here)
        try:
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    self._stacked_step()
                with _capturable(self.algorithm), torch.cuda.graph(graph, stream=aside):
                    self._names, self._losses = self._stacked_step()
        finally:
            here.wait_stream(aside)
        self._graph = graph

    def _stacked_step(self) -> tuple[list[str], Tensor]:
        losses = self.eager(**self._inputs)
        return list(losses), torch.stack(list(losses.values()))

    @torch.no_grad()  # a copy with a gradient would tie its parameter to the stream it was made on
    def _copies(self) -> dict[Tensor, Tensor]:
        """Of all that a step changes, on the CPU, so that they do not count as the device's memory."""
        return {tensor: tensor.detach().to("cpu", copy=True) for tensor in self._state()}

    def _state(self) -> Iterator[Tensor]:
        """All that a step changes: parameters, buffers, and what the optimizers remember."""
        yield from self.algorithm.parameters()
        yield from self.algorithm.buffers()
        for optimizer in vars(self.algorithm.opt).values():
            for remembered in optimizer.state.values():
                yield from remembered.values()


@contextmanager
def _capturable(algorithm: Trainable) -> Iterator[None]:
    """Fused Adam counts its steps on the device and so can be captured, but torch wants to be told. Fused SGD counts
    none, and its groups have no such key.

    Only for the capture, so that checkpoints say the same whatever engine wrote them.
    """
    groups = [group for optimizer in vars(algorithm.opt).values() for group in optimizer.param_groups]
    groups = [group for group in groups if "capturable" in group]
    for group in groups:
        group["capturable"] = True
    try:
        yield
    finally:
        for group in groups:
            group["capturable"] = False
