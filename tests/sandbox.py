"""A folder in which any command line may be tried: what is there, what is done instead of what is expensive, and what a
command has touched."""

import hashlib
import io
import os
import shutil
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from lprior import __main__ as cli

ROOT = Path(__file__).parents[1]
DOCUMENTED = {0, 2, 3, 4, 5, 130}  # and 70, which no case may have
MOST_LINES = 3  # on stderr, of what is refused


def refused(capsys, arguments: list, code: int = 2) -> str:
    """The line in which the command line says what is wrong."""
    assert cli.main([str(argument) for argument in arguments]) == code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith(("lprior: ", "run_all.sh: "))
    return lines[0]


@dataclass(frozen=True)
class Answer:
    """Of one command line: its exit code, what it printed, and the paths that it created, changed or deleted."""

    arguments: list[str]
    code: int
    out: str
    err: str
    touched: set[str]

    def __str__(self) -> str:
        return repr(self)[:3000]

    def check(self, allowed: set[str]) -> None:
        """`allowed`: the paths that may be written, with all below them and the folders that lead there."""
        assert self.code in DOCUMENTED, str(self)
        assert "Traceback" not in self.err, str(self)
        if self.code:
            lines = self.err.splitlines()
            assert 1 <= len(lines) <= MOST_LINES and max(map(len, lines)) < 2000, str(self)
        inside = tuple(f"{path}/" for path in allowed)
        above = allowed | {str(parent) for path in allowed for parent in Path(path).parents}
        assert {path for path in self.touched if path not in above and not path.startswith(inside)} == set(), str(self)


class Sandbox:
    """A copy of `template` in which each command line is tried, made anew after one that has written."""

    def __init__(self, template: Path, place: Path):
        self.template, self.place = template, place
        self.renew()

    def renew(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.template, self.place, symlinks=True)
        self.before = snapshot(self.place)

    def run(self, arguments: list[str]) -> Answer:
        """In the folder, as a process of its own would, but in this one."""
        out, err, here, data = io.StringIO(), io.StringIO(), os.getcwd(), os.environ.pop("LPRIOR_DATA", None)
        os.chdir(self.place)
        try:
            with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of libraries, once in a process
                try:
                    code = cli.main(arguments)
                except SystemExit as exit:  # argparse's
                    code = exit.code if isinstance(exit.code, int) else 1
        finally:
            os.chdir(here)
            os.environ.pop("LPRIOR_DATA", None)
            if data is not None:
                os.environ["LPRIOR_DATA"] = data
        after = snapshot(self.place)
        touched = {path for path in self.before.keys() | after.keys() if self.before.get(path) != after.get(path)}
        if touched:
            self.renew()
        return Answer(arguments, code, out.getvalue(), err.getvalue(), touched)


def snapshot(folder: Path) -> dict[str, tuple]:
    """Path -> what a change would change. Of folders only that they are there: locks come and go in them."""
    return {str(path.relative_to(folder)): _state(path) for path in folder.rglob("*")}


def _state(path: Path) -> tuple:
    if path.is_symlink():
        return "link", os.readlink(path)
    if path.is_dir():
        return ("folder",)
    stat = path.stat()
    return "file", stat.st_size, stat.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest()


def fill(template: Path, run: Path) -> None:
    """What the sandbox holds: a finished run, the same published, notebooks, and files that are none of these."""
    template.mkdir()
    shutil.copytree(run, template / "runs" / run.name)
    to = ["--to", str(template / "published"), "--archive", str(template / "w.tar")]
    assert cli.main(["publish", str(run), *to]) == 0
    shutil.copy(ROOT / "notebooks" / "aae.ipynb", template)
    (template / "text.txt").write_text("not to be lost\n")
    (template / "list.json").write_text("[1, 2]\n")
    (template / "bytes").write_bytes(bytes(range(256)))
    (template / "picture.png").write_bytes((run / "samples.png").read_bytes())
    (template / "data").mkdir()
    (template / "folder.png").mkdir()
    (template / "nowhere").symlink_to("absent/file")


def stub(patch: pytest.MonkeyPatch) -> None:
    """In the place of what takes long, after all checks: training, measuring, kernels, figures, the network."""
    nothing = lambda *arguments, **options: None  # noqa: E731
    for name in ("_train", "draw", "record"):
        patch.setattr(f"lprior.training.run.{name}", nothing)
    patch.setattr("lprior.training.run._cost", lambda training: {})
    patch.setattr("lprior.benchmark.step.Trial", FakeTrial)
    patch.setattr("lprior.benchmark.step.alternate", lambda contenders, repeats: dict.fromkeys(contenders, [1.0]))
    patch.setattr("papermill.execute_notebook", lambda source, target, *rest, **options: Path(target).write_text("{}"))
    for place in ("lprior.evaluation.record.measure", "lprior.evaluation.verify.measure"):
        patch.setattr(place, lambda *arguments: {"reconstruction_mse_test": 0.5})
    patch.setattr("lprior.evaluation.inception.inception_metrics", lambda *arguments: {"fid_inception_10k_test": 1.0})
    for name in ("save_pdf", "save_for_print"):
        patch.setattr(f"lprior.figures.{name}", nothing)
    for kind in ("MNIST", "CIFAR10"):
        patch.setattr(f"torchvision.datasets.{kind}.download", _no_network)
    patch.setattr("lprior.workflow.run", nothing)
    patch.setattr("urllib.request.urlopen", _no_network)


def _no_network(*arguments, **options):
    raise OSError("no network")


class FakeTrial:
    """Of `benchmark.step`."""

    dtype = torch.float32

    def __init__(self, variant, device, seconds):
        self.variant, self.training = variant, SimpleNamespace()

    def seconds_per_step(self) -> float:
        return 1.0

    def describe(self, times: list[float], peaks: list[float]) -> dict:
        return {"name": self.variant.name, "engine": "eager", "precision": "float32"}
