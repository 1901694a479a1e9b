"""Hypothesis strategies: command lines with what people type, mistype and paste, and damage to files."""

from dataclasses import dataclass, fields
from pathlib import Path

from hypothesis import strategies as st

import lprior.report.studies  # noqa: F401
from lprior.algorithms import lpaae_tuned
from lprior.config import RunConfig
from lprior.data import DATASETS
from lprior.runs import VARIANTS, presets

RUN = "mnist5k-lpaae-s0"  # the finished one in the sandbox, in runs/ and published/
ODD = [
    "", " ", "\n", "a\nb", "\0", "\x1b[31m", "\udcff", "é", "日本", "😀", "a b", "'", '"', "$(id)", "%s", "{}",
    "x" * 300, "x" * 5000, "x/" * 3000, "..", ".", "/", "~", "-", "--", "-x", "--help", "-1", "0", "1", "1e400", "nan",
    "inf", "-inf", "None", "True", "[]", "()", "9" * 5000, "0x" + "f" * 5000, "1_0", "/dev/null", "/dev/full",
    "/dev/zero", "/proc/self", "text.txt", "text.txt/below", "list.json", "bytes", "picture.png", "folder.png",
    "nowhere", "absent", "data", "runs", "published", "aae.ipynb", "w.tar", f"runs/{RUN}",
    f"published/{RUN}", f"runs/{RUN}/config.json",
]  # fmt: skip
NUMBERS = ["0", "1", "2", "3", "7", "-1", "100000", "1000000", str(10**9), str(10**12), str(2**32), str(2**63),
           str(2**64), str(10**40), "1e400", "1e-400", "0.5", "nan", "inf", "x", "1,5", "٣"]  # fmt: skip
VALUES = [
    "True", "None", "(0.5, 0.9)", "(0.5,)", "[0.5, 0.9]", "(0, 0)", "(1, 1)", "(0.5, nan)", "fixed", "'fixed'", "text",
    "printed", "supervised", "unsupervised", "compact", "dcgan", "paper", "strong", "high", "{}", "...", "1j", "b'x'",
    "((((", "'\\d'", "1e9", "1e30", "1e308", *NUMBERS,
]  # fmt: skip
NAMES = sorted(field.name for of in (RunConfig, lpaae_tuned.Config) for field in fields(of))
RUNS = [
    RUN, "mnist5k-aae-s0", "mnist5k-vaegan-s1", "mnist-aae-s0", "cifar10-lpaae-s0", "fashion-mnist-aae-s0",
    "mnits-aae-s0", f"mnist5k-aae-s{2**32}", "mnist5k-aae-s" + "9" * 5000, "mnist5k-aae-s00", "mnist5k-aae-s٣",
    "../mnist5k-aae-s0",
    *(f"mnist5k-lpaae-{variant}-s0" for variant in list(VARIANTS["lpaae"])[:8]), "mnist5k-aae-fixed-s0",
]  # fmt: skip

# What a line can show, and is not empty.
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=12)


def some(*good: str) -> st.SearchStrategy[str]:
    """Nine times in ten one of these, so that many a command gets far."""
    often = [*good] * (9 * len(ODD) // len(good))
    return st.sampled_from([*often, *ODD, None]).flatmap(lambda found: TEXT if found is None else st.just(found))


NUMBER = some(*NUMBERS)
NAME = some(*NAMES, "lamb", "widht", "é", "a b")
SET = st.tuples(NAME, st.sampled_from(VALUES) | TEXT).map("=".join) | some("lam=1", "width=8")
SETS = st.lists(SET, max_size=3).map(lambda sets: [part for text in sets for part in ("--set", text)])
DEVICE = some("cpu", "auto", "cuda", "cpu:0", "cpu:99", "cuda:99", "meta", "tpu")


def options(**strategies: st.SearchStrategy) -> st.SearchStrategy[list[str]]:
    """At most three of the options, in any order; None stands for one without a value."""
    pairs = [
        st.just([f"--{name.replace('_', '-')}"]) if values is None
        else values.map(lambda value, name=name: [f"--{name.replace('_', '-')}", value])
        for name, values in strategies.items()
    ]  # fmt: skip
    return st.lists(st.one_of(pairs), max_size=3).map(lambda found: [part for pair in found for part in pair])


def line(name: str, *parts: st.SearchStrategy) -> st.SearchStrategy[list[str]]:
    """The command with its arguments, each of `parts` a string or a list of such."""
    lists = [part.map(lambda found: [found] if isinstance(found, str) else found) for part in parts]
    return st.tuples(*lists).map(lambda found: [name, *(text for texts in found for text in texts)])


PRESET = some("smoke", "quick", *presets())
DATA = some("data", "text.txt")
FOLDER = some(f"runs/{RUN}", f"published/{RUN}", "runs", "published", "absent")
COUNT = some("1", "7", "100", "0", "-1", str(10**9), str(10**12))
COMMANDS = {
    "run": line("run", some(*RUNS), SETS, options(
        preset=PRESET, results=some("new", "runs", "text.txt"), device=DEVICE, engine=some("auto", "eager", "graph"),
        data=DATA, force=None, notebook=None, unmeasured=None)),
    "config": line("config", some(*RUNS), SETS, options(preset=PRESET)),
    "notebook": line("notebook", some("aae.ipynb", "list.json", "text.txt", "bytes"),
                     some("out.ipynb", "new/out.ipynb"), SETS),
    "data": line("data", some(*DATASETS), options(data=DATA)),
    "bench": line("bench", some("aae", "lpaae", "vaegan"), options(
        preset=PRESET, networks=some("compact", "paper"), width=NUMBER, batch_size=NUMBER, device=DEVICE,
        seconds=NUMBER, repeats=NUMBER, precision=some("auto", "float32", "half"), engine=some("auto", "graph"),
        json=some("new.json", "absent/new.json"), compare=some("aae:width=3", "aae:betas=(0.5, 0.9)", "aae:width=x"))),
    "sample": line("sample", FOLDER, some("new.png", "new.jpg", "new.webp", "new.docx", "absent/new.png"),
                   options(count=COUNT, seed=NUMBER, s=some("3", "11", "a red 3"))),
    "report": line("report", FOLDER, some("new", "text.txt"), options(
        studies=FOLDER, unavailable=some("cifar10"), diverged=some("mnist5k-lpaae-s1"))),
    "gallery": line("gallery", FOLDER),
    "cover": line("cover", FOLDER, some("new.png", "absent/new.png"), options(dataset=some(*DATASETS))),
    "publish": line("publish", FOLDER, options(to=some("new", "published"), archive=some("new.tar", "new/new.tar"))),
    "fetch": line("fetch", some("w.tar", "text.txt", "http://x/y", "https://:/"),
                  options(to=some("published", "runs"))),
    "evaluate": line("evaluate", FOLDER, options(inception=some("download", "bytes", "w.tar"), data=DATA)),
    "verify": line("verify", FOLDER, options(data=DATA)),
    "retrace": line("retrace", FOLDER, options(data=DATA, epochs=NUMBER, record=some("new.csv", "absent/new.csv"))),
    "attributes": line("attributes", FOLDER, options(data=DATA)),
    "evaluator": line("evaluator", some("describe"), some("mnist", "cifar10"), options(data=DATA, second=None)),
    "sheets": line("sheets", some("absent", "data"), options(data=DATA)),
    "workflow": line("workflow", st.just("--check"), options(
        preset=PRESET, device=DEVICE, data=DATA, dataset=some("mnist"), seeds=some("0 1", str(2**32)), jobs=NUMBER,
        dry_run=None, force=None, keep_going=None), some("report", "runs", *RUNS)),
}  # fmt: skip
WRITES = {  # the values after the name, or after an option, that a command may write to; what it writes without any
    "run": (["--results"], ["results"]), "notebook": ([2], []), "bench": (["--json"], []), "sample": ([2], []),
    "report": ([2], []), "gallery": ([1], []), "cover": ([2], []),
    "publish": (["--to", "--archive"], ["results/published"]),
    "fetch": (["--to"], ["results/published"]), "evaluate": ([1], []), "attributes": ([1], []),
    "retrace": (["--record"], []),
}  # fmt: skip


def may_write(arguments: list[str]) -> set[str]:
    """The paths that a command line names for writing, as they lie in the sandbox."""
    places, always = WRITES.get(arguments[0] if arguments else "", ([], []))
    found = set(always)
    for place in places:
        if isinstance(place, str):
            found |= {value for name, value in zip(arguments, arguments[1:], strict=False) if name == place}
        else:
            found |= {*arguments[place : place + 1]}
    beside = {str(Path(path).with_suffix(f".{kind}.ipynb")) for path in found if path.endswith(".ipynb")
              for kind in ("running", "failed")}  # fmt: skip
    return {path.rstrip("/") for path in found | beside if path.strip("./")}


@dataclass(frozen=True)
class Damage:
    """What has happened to a file; `place` is where in it, as a share of its length."""

    kind: str
    place: float
    flip: int

    def to(self, path: Path) -> None:
        content = path.read_bytes() if path.is_file() else b"0" * 64
        at = int(self.place * len(content))
        flipped = content[:at] + bytes(byte ^ self.flip for byte in content[at : at + 3]) + content[at + 3 :]
        changed = {
            "emptied": b"", "truncated": content[:at], "flipped": flipped, "list": b"[1, 2]", "object": b"{}",
            "null": b"null", "garbage": bytes([self.flip, 0, 255]) * 40, "deep": b"[" * 20_000, "number": b"1e400",
            "no numbers": b'{"a": NaN, "b": Infinity}',
        }  # fmt: skip
        path.unlink()
        if self.kind in changed:
            path.write_bytes(changed[self.kind])
        elif self.kind == "folder":
            path.mkdir()
        elif self.kind == "link":
            path.symlink_to("absent/file")


KINDS = ["deleted", "emptied", "truncated", "truncated", "flipped", "flipped", "flipped", "list", "object", "null",
         "garbage", "deep", "number", "no numbers", "folder", "link"]  # fmt: skip
DAMAGES = st.builds(Damage, st.sampled_from(KINDS), st.floats(0, 0.999), st.integers(1, 255))
