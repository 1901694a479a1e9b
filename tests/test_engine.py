"""Whatever path a step takes, it computes what the plain form of the update computes."""

import copy
import gc
import inspect
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest
import torch
from conftest import CODE, SIZE, TINY, build_algorithm
from test_conditions import training as conditional
from torch import nn

from lprior.algorithms import vaegan
from lprior.algorithms.updates import update
from lprior.errors import UserError
from lprior.streams import generator, normal
from lprior.training.engine import Engine, _capturable, choose_engine
from lprior.training.loop import Training

BATCH = 4
CPU = torch.device("cpu")


@pytest.fixture(params=TINY)
def networks(request) -> str:
    return request.param


@pytest.fixture
def in_float64(monkeypatch):
    """Float32 gradients that are summed in another order differ in their last bits. Adam makes whole steps of them
    where a gradient is zero but for rounding; in float64 its epsilon hides them. The losses would cast to float32."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def batch(algorithm: nn.Module, networks: str, step: int) -> dict[str, torch.Tensor]:
    """Images in [-1, 1], and what the algorithm draws for them, of their own for each step."""
    size = TINY[networks].size
    x = 2 * torch.rand(BATCH, 1, size, size, generator=generator(0, "x", step)) - 1
    x = x.contiguous(memory_format=torch.channels_last)
    return algorithm.draw(x, None, lambda name: generator(0, name, step))


def plain_update(*terms) -> None:
    """The definition that `updates.update` has to keep: for each optimizer the gradient of its own weighted sum of
    losses, all at the same point, and then all steps."""
    sums = {}
    for optimizer, loss, *weight in terms:
        sums[optimizer] = sums.get(optimizer, 0) + (weight[0] if weight else 1) * loss
    owned = {optimizer: [p for group in optimizer.param_groups for p in group["params"]] for optimizer in sums}
    found = {o: torch.autograd.grad(sums[o], parameters, retain_graph=True) for o, parameters in owned.items()}
    for optimizer, parameters in owned.items():
        for parameter, gradient in zip(parameters, found[optimizer], strict=True):
            parameter.grad = torch.empty_like(parameter).copy_(gradient)  # by which fused Adam pairs entries
        optimizer.step()
        optimizer.zero_grad()


def largest_difference(one: nn.Module, two: nn.Module) -> float:
    pairs = zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    return max((a.double() - b.double()).abs().max().item() for a, b in pairs)


def trained(training: Training, images: torch.Tensor, last: int) -> Training:
    """Up to epoch `last`."""
    StandInGraph.engine = training.engine
    for _ in training.epochs(images, last):
        pass
    return training


# Each step moves a parameter by up to its learning rate, 3e-4 to 2e-3.
STEPS = pytest.mark.parametrize(("steps", "tolerance"), [(1, 1e-7), (50, 1e-6)])


@STEPS
def test_the_update_is_the_plain_one(monkeypatch, in_float64, algorithm_name, networks, steps, tolerance):
    fast, plain = (build_algorithm(algorithm_name, networks=networks) for _ in range(2))
    start = copy.deepcopy(fast)
    for step in range(steps):
        fast.train_step(**batch(fast, networks, step))
    monkeypatch.setattr(inspect.getmodule(type(plain).train_step), "update", plain_update)
    for step in range(steps):
        plain.train_step(**batch(plain, networks, step))
    assert largest_difference(fast, plain) < tolerance
    assert largest_difference(fast, start) > 1e-4  # there is something to see


@pytest.mark.cuda
@STEPS
def test_a_replayed_step_is_the_eager_one(in_float64, algorithm_name, networks, steps, tolerance):
    cuda, engines = torch.device("cuda"), []
    for name in ("eager", "graph"):
        algorithm = build_algorithm(algorithm_name, networks=networks).to(cuda, memory_format=torch.channels_last)
        engines.append(Engine(algorithm, cuda, bfloat16=False, wanted=name))
    for step in range(steps):
        inputs = {name: tensor.to(cuda) for name, tensor in batch(algorithm, networks, step).items()}
        eager, graph = (engine.step(**inputs) for engine in engines)
    torch.testing.assert_close(graph, eager, rtol=1e-4, atol=1e-4)
    eager, graph = (engine.algorithm for engine in engines)
    assert largest_difference(eager, graph) < tolerance
    for one, two in zip(vars(eager.opt).values(), vars(graph.opt).values(), strict=True):
        ours, theirs = one.state_dict(), two.state_dict()
        assert ours["param_groups"] == theirs["param_groups"]
        for index, state in ours["state"].items():
            assert state["step"] == theirs["state"][index]["step"]


@pytest.mark.cuda
@pytest.mark.parametrize("bfloat16", [False, True])
def test_the_first_losses_of_a_graph_are_the_eager_ones(algorithm_name, networks, bfloat16):
    """In the precisions of real runs: the networks have not moved yet."""
    cuda, losses = torch.device("cuda"), {}
    for name in ("eager", "graph"):
        algorithm = build_algorithm(algorithm_name, networks=networks).to(cuda, memory_format=torch.channels_last)
        inputs = {key: tensor.to(cuda) for key, tensor in batch(algorithm, networks, 0).items()}
        losses[name] = Engine(algorithm, cuda, bfloat16, name).step(**inputs)
    if algorithm_name != "lpaae-text":  # whose losses are those of its second update
        torch.testing.assert_close(losses["graph"], losses["eager"], rtol=1e-2, atol=1e-3)
    assert losses["graph"].keys() == losses["eager"].keys()


@pytest.mark.cuda
@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_step_with_views_can_be_captured(bfloat16):
    losses = {}
    for name in ("eager", "graph"):
        training = conditional("unsupervised", device="cuda", engine=name, bfloat16=bfloat16)
        images = torch.rand(16, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0)).cuda()
        losses[name] = training.train_step(images)
        assert training.engine.name == name
    torch.testing.assert_close(losses["graph"], losses["eager"], rtol=1e-2, atol=1e-3)


@pytest.mark.cuda
def test_a_captured_training_goes_on_after_a_checkpoint(in_float64, algorithm_name, images):
    """Loading gives the optimizers new tensors, which a step captured before must not ignore."""

    def start(seed: int) -> Training:
        return Training(build_algorithm(algorithm_name, seed).cuda(), 0, BATCH, 0.9, engine="graph")

    images = images.cuda()
    whole, resumed = trained(start(0), images, 3), trained(start(5), images, 1)
    resumed.load_state_dict(trained(start(0), images, 1).state_dict())
    trained(resumed, images, 3)
    assert largest_difference(whole.algorithm, resumed.algorithm) < 1e-6
    assert largest_difference(whole.average, resumed.average) < 1e-6


@pytest.mark.cuda
def test_losses_of_a_replay_are_not_overwritten_by_the_next(images):
    training = Training(build_algorithm("aae").cuda(), 0, BATCH, 0.9, engine="graph")
    first = training.train_step(torch.zeros(BATCH, 1, 8, 8, device="cuda"))
    kept = {name: value.item() for name, value in first.items()}
    training.train_step(torch.ones(BATCH, 1, 8, 8, device="cuda"))
    assert {name: value.item() for name, value in first.items()} == kept


class StandInGraph:
    """Knows the engine in the place of addresses: a replay is the step again, on the tensors it was captured with."""

    def replay(self):
        self.engine._losses.copy_(torch.stack(list(self.engine.eager(**self.engine._inputs).values())))


def test_a_capture_tells_adam_alone_and_leaves_no_trace():
    layer = nn.Linear(2, 2)
    opt = SimpleNamespace(adam=torch.optim.Adam(layer.parameters()), sgd=torch.optim.SGD(layer.parameters(), 0.1))
    (of_adam,), (of_sgd,) = opt.adam.param_groups, opt.sgd.param_groups
    before = dict(of_adam), dict(of_sgd)
    with _capturable(SimpleNamespace(opt=opt)):
        assert of_adam["capturable"] and "capturable" not in of_sgd
    assert (of_adam, of_sgd) == before


@pytest.fixture
def stand_in_cuda(monkeypatch):
    """Graphs on a CPU, as far as they can be had: everything around the capture is real."""

    @contextmanager
    def graph(captured, stream):
        captured.engine = StandInGraph.engine
        yield
        assert all(g["capturable"] for o in vars(captured.engine.algorithm.opt).values() for g in o.param_groups)

    stream = SimpleNamespace(wait_stream=lambda other: None)
    for name, value in {"Stream": lambda device: stream, "current_stream": lambda device: stream, "graph": graph,
                        "stream": lambda stream: nullcontext(), "CUDAGraph": StandInGraph}.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr("lprior.training.engine.choose_engine", lambda wanted, device: wanted)


@pytest.mark.parametrize("last", [1, 3])
def test_warm_up_capture_and_loading_leave_no_trace(stand_in_cuda, algorithm_name, images, last):
    """A graph that was captured before a checkpoint is loaded, and one captured after, both give the eager run."""

    def start(engine: str, seed: int = 0) -> Training:
        return Training(build_algorithm(algorithm_name, seed), 0, 16, 0.9, engine=engine)

    eager, graph = (trained(start(engine), images, last) for engine in ("eager", "graph"))
    state = copy.deepcopy(trained(start("graph"), images, 1).state_dict())
    other = trained(start("graph", seed=5), images, 1)
    other.load_state_dict(state)
    trained(other, images, last)
    for training in (graph, other):
        assert training.engine.name == "graph"
        assert largest_difference(eager.algorithm, training.algorithm) == 0
        assert largest_difference(eager.average, training.average) == 0
        assert [{**row, "seconds": 0, "images_per_second": 0} for row in eager.log] == [
            {**row, "seconds": 0, "images_per_second": 0} for row in training.log
        ]
        for one, two in zip(vars(eager.algorithm.opt).values(), vars(training.algorithm.opt).values(), strict=True):
            assert one.state_dict()["param_groups"] == two.state_dict()["param_groups"]


def test_a_replay_gets_the_warps_and_the_grain_of_its_own_step(stand_in_cuda, images):
    eager, graph = (trained(conditional("unsupervised", engine=engine), images, 2) for engine in ("eager", "graph"))
    assert graph.engine.name == "graph" and len(graph.engine._inputs) == 4
    assert largest_difference(eager.algorithm, graph.algorithm) == 0


def test_a_step_is_captured_anew_when_its_rates_change(stand_in_cuda, images, monkeypatch):
    """A graph holds the rates that it was captured with."""
    rates, true_capture = [], Engine._capture

    def capture(self, inputs):
        rates.append(self.algorithm.opt.dec.param_groups[0]["lr"])
        true_capture(self, inputs)

    monkeypatch.setattr(Engine, "_capture", capture)
    training = Training(build_algorithm("vaegan"), 0, BATCH, 0.9, falling=2, engine="graph")
    trained(training, images, 4)
    rate = training.algorithm.config.learning_rate
    assert rates == pytest.approx([rate, rate * 2 / 3, rate / 3])


def test_auto_is_a_graph_on_cuda_and_eager_on_a_cpu():
    assert choose_engine("auto", torch.device("cuda")) == "graph"
    assert choose_engine("auto", CPU) == choose_engine("eager", CPU) == "eager"
    assert choose_engine("eager", torch.device("cuda")) == "eager"


def test_a_graph_on_a_cpu_is_refused():
    with pytest.raises(UserError, match="engine graph needs a CUDA device"):
        Training(build_algorithm("aae"), 0, BATCH, 0.9, engine="graph")


def test_an_unknown_engine_is_refused():
    with pytest.raises(UserError, match="engine 'fast' is unknown: choose auto, eager or graph"):
        Training(build_algorithm("aae"), 0, BATCH, 0.9, engine="fast")


def failing_engine(monkeypatch, algorithm: nn.Module, wanted: str) -> Engine:
    """As on a GPU where the warm-up moves the networks, and then the capture fails."""

    def capture(self, inputs):
        self.eager(**inputs)
        raise RuntimeError("operation not permitted when stream is capturing\nmore lines")

    monkeypatch.setattr(Engine, "_capture", capture)
    engine = Engine(algorithm, torch.device("cuda"), bfloat16=False, wanted=wanted)
    engine.device = CPU
    return engine


@pytest.mark.parametrize("wanted", ["auto", "graph"])
@pytest.mark.parametrize("steps_before", [0, 2])
def test_a_failed_capture_is_an_error_that_leaves_no_trace(monkeypatch, algorithm_name, steps_before, wanted):
    """After it torch's allocator may still be in capture: to go on in this process would be a gamble."""
    one, two = (build_algorithm(algorithm_name) for _ in range(2))
    engine = failing_engine(monkeypatch, two, wanted)
    for step in range(steps_before):
        for algorithm in (one, two):
            algorithm.train_step(**batch(one, "compact", step))
    message = r"cannot be captured as a CUDA graph \(operation not permitted .*\): use --engine eager$"
    with pytest.raises(UserError, match=message):
        engine.step(**batch(two, "compact", steps_before))
    one.train_step(**batch(one, "compact", steps_before))
    two.train_step(**batch(two, "compact", steps_before))
    assert largest_difference(one, two) == 0
    for ours, theirs in zip(vars(one.opt).values(), vars(two.opt).values(), strict=True):
        for index, state in ours.state_dict()["state"].items():
            assert all(torch.equal(value, theirs.state_dict()["state"][index][key]) for key, value in state.items())


def test_the_cause_of_a_failed_capture_is_named(monkeypatch):
    """torch ends a capture that has failed with an error of its own, which says nothing."""

    def capture(self, inputs):
        try:
            raise RuntimeError("aten::nonzero is not permitted\nmore")
        finally:
            raise RuntimeError("capture_end: invalid")

    engine = failing_engine(monkeypatch, build_algorithm("aae"), "auto")
    monkeypatch.setattr(Engine, "_capture", capture)
    with pytest.raises(UserError, match=r"\(aten::nonzero is not permitted\)"):
        engine.step(**batch(engine.algorithm, "compact", 0))


def test_what_looks_at_values_is_not_captured():
    balanced = vaegan.build(vaegan.Config(balanced=True), TINY["compact"], CODE)
    assert Engine(balanced, torch.device("cuda"), bfloat16=False, wanted="auto").name == "eager"
    with pytest.raises(UserError, match="cannot be captured: use --engine eager"):
        Engine(balanced, torch.device("cuda"), bfloat16=False, wanted="graph")


def test_the_copies_before_a_capture_hold_no_gradient_and_no_memory_of_the_device(algorithm_name):
    """A copy with a gradient keeps its parameter's accumulator on the stream that it was made on, which then waits for
    the capturing stream and ends the capture."""
    algorithm = build_algorithm(algorithm_name)
    algorithm.train_step(**batch(algorithm, "compact", 0))
    copies = Engine(algorithm, CPU, bfloat16=False)._copies()
    assert len(copies) > len(list(algorithm.parameters()))  # what the optimizers remember, too
    for tensor, kept in copies.items():
        assert not kept.requires_grad and kept.grad_fn is None and kept.device == CPU
        assert kept.data_ptr() != tensor.data_ptr() and torch.equal(kept, tensor)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_fused_adam_moves_the_parameters_as_plain_adam_does(layout, algorithm_name):
    """Whatever the order in memory of parameters and gradients is: fused Adam pairs entries by that order."""
    fused, plain = (build_algorithm(algorithm_name).to(memory_format=layout) for _ in range(2))
    for name, optimizer in vars(plain.opt).items():
        (group,) = optimizer.param_groups
        setattr(plain.opt, name, torch.optim.Adam(group["params"], group["lr"], group["betas"], foreach=False))
    for step in range(3):
        x = batch(fused, "compact", step)
        x["x"] = x["x"].contiguous(memory_format=layout)
        fused.train_step(**x)
        plain.train_step(**x)
    assert largest_difference(fused, plain) < 2e-5


def test_a_mistake_in_the_algorithm_is_not_taken_for_a_failed_capture(monkeypatch):
    algorithm = build_algorithm("aae")
    algorithm.train_step = lambda x, noise: (_ for _ in ()).throw(ValueError("no loss reaches 1 parameters"))
    with pytest.raises(ValueError, match="no loss reaches"):
        failing_engine(monkeypatch, algorithm, "auto").step(**batch(algorithm, "compact", 0))


class OneWeight(nn.Module):
    """An algorithm whose epochs cost next to nothing."""

    def __init__(self):
        super().__init__()
        self.net, self.opt = nn.Linear(1, 1), SimpleNamespace()

    def autoencoder(self):
        return self.net

    def draw(self, x, labels, stream):
        return {"x": x, "noise": normal((1, len(x), CODE), stream("noise"))}

    def train_step(self, x, noise):
        return {"L_one": x.mean(), "L_two": noise.mean()}


@pytest.mark.parametrize("make", [OneWeight, lambda: build_algorithm("lpaae-tuned")], ids=["stub", "lpaae"])
def test_memory_is_flat_over_50_epochs(images, make):
    """Counted in live tensors: a loss or a gradient that is kept would show as one more for each step."""
    training, counts = Training(make(), 0, BATCH, 0.9), {}
    for row in training.epochs(images[:BATCH], 50):
        if row["epoch"] in (5, 50):
            gc.collect()
            counts[row["epoch"]] = sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())
    assert counts[5] == counts[50]


class Twice(nn.Module):
    """Takes a large step between two passes through the same layer."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.opt = SimpleNamespace(layer=torch.optim.SGD(self.layer.parameters(), lr=10.0))

    def train_step(self, x, noise):
        first = self.layer(x)
        update((self.opt.layer, first.float().square().sum()))
        return {"moved": (self.layer(x) - first).detach().abs().max()}


def test_a_second_pass_in_bfloat16_sees_the_weights_that_have_moved():
    """Autocast's cache of cast weights would give the second update of a step the opponent of the first."""
    torch.manual_seed(0)
    engine = Engine(Twice(), CPU, bfloat16=True)
    assert engine.step(x=torch.ones(3, 2), noise=torch.zeros(0))["moved"] > 1
