"""A folder that looks like the repository, with presets that are small in every process that is started there."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEEDED = ("run_all.sh", "setup.sh", "Snakefile", "lprior", "notebooks", "report", "benchmarks")
NOWHERE = "http://127.0.0.1:9"  # as a proxy, it refuses every connection at once
PATCH = """\
import json, os
from lprior.presets import BUDGETS, RECIPES, Row
BUDGETS["smoke"]["digits"].update(json.loads(os.environ["TEST_PRESET"]))
for name, values in json.loads(os.environ["TEST_RECIPES"]).items():
    RECIPES[name].append(Row({"budget": "smoke", "family": "digits"}, values))
"""


class Place:
    """The folder, and the environment that processes get there. `preset`, `recipes`: what the smoke preset has instead,
    and for an algorithm alone."""

    def __init__(self, folder: Path, preset: dict | None = None, recipes: dict | None = None):
        self.path, self.mark = folder / "project", f"{folder}"
        self.path.mkdir(parents=True)
        for name in NEEDED:
            (self.path / name).symlink_to(ROOT / name)
        (folder / "data").mkdir()
        (folder / "patch").mkdir()
        (folder / "patch" / "sitecustomize.py").write_text(PATCH)
        self.environment = os.environ | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join([str(folder / "patch"), str(ROOT)]),
            "LPRIOR_DATA": str(folder / "data"), "XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1",
            "http_proxy": NOWHERE, "https_proxy": NOWHERE, "no_proxy": "", "TEST_PLACE": self.mark,
            "GIT_DIR": "/nowhere",  # so that no commit that is made meanwhile is seen
        }  # fmt: skip
        self.set(preset or {}, recipes or {})

    def set(self, preset: dict, recipes: dict | None = None) -> None:
        """Change a preset, as if its table had been edited."""
        self.environment |= {"TEST_PRESET": json.dumps(preset), "TEST_RECIPES": json.dumps(recipes or {})}

    def start(self, *command: str, **more: str) -> subprocess.Popen:
        return subprocess.Popen(
            command, cwd=self.path, env=self.environment | more, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def call(self, *command: str, **more: str) -> tuple[int, str]:
        """Exit code, as a shell has it, and what was said."""
        return end_of(self.start(*command, **more))

    def run_all(self, *arguments: str) -> tuple[int, str]:
        return self.call("./run_all.sh", "--preset", "smoke", "--device", "cpu", *arguments)

    def processes(self) -> list[str]:
        """The commands of all processes that were started here and by those, in whatever session, and are at work."""
        return list(self.at_work().values())

    def at_work(self) -> dict[int, str]:
        """Their numbers, and their commands."""
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                if f"TEST_PLACE={self.mark}\0".encode() in (entry / "environ").read_bytes():
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                pass  # it has just ended, or is no process
        return found

    def quiet(self, seconds: float) -> bool:
        """Whether they have all ended after so long, at most."""
        deadline = time.monotonic() + seconds
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        return not self.processes()


def end_of(process: subprocess.Popen, seconds: float = 300) -> tuple[int, str]:
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        said += "\n(it did not end)"
    code = process.returncode
    return (code if code >= 0 else 128 - code), said


def appear(path: Path, process: subprocess.Popen, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.01)


def snapshot(folder: Path) -> dict[str, str]:
    """File -> sum of its bytes and its date, but for locks."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".lock"))
    return {
        str(path.relative_to(folder)): f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mtime_ns}"
        for path in files
    }
