"""The steps of the workflow in words: what each is called, what came of it, and the table in the end."""

import json
import re
from pathlib import Path

TITLES = {
    "data": "the data of {dataset}", "reading": "the notebook {name}", "gallery": "the gallery",
    "sources": "the report", "pdf": "the PDF",
}  # fmt: skip


def title(rule: str, wildcards: dict[str, str]) -> str:
    """Of a job of the Snakefile: a run's name, or in words."""
    return TITLES.get(rule, "{run}").format(**wildcards)


def outcome(outputs: list[Path]) -> str:
    """FID, or else the error of reconstruction, of a run that has finished; of other steps what they have made."""
    metrics = next((path for path in outputs if path.name == "metrics.json"), None)
    if metrics is None:
        return str(outputs[0])
    values = json.loads(metrics.read_text())
    fid = _first(values, "fid_", ".1f")
    return f"FID {fid}" if fid != "–" else f"squared error {_first(values, 'reconstruction_', '.4f')}"


def under_way(name: str, log: Path | None, seconds: float) -> str:
    """Of a step that began so many seconds ago: "mnist-aae-s0 epoch 3/20, 6 min left", by what its log says of it."""
    said = log.read_text(errors="replace") if log is not None and log.exists() else ""
    epochs = re.findall(r"epoch (\d+)/(\d+) ", said)
    if not epochs:
        return name
    done, last = map(int, epochs[-1])
    if done == last:
        return f"{name} is measured"
    left = seconds * (last - done) / len(epochs)  # of a run that goes on, the log has the epochs of today
    return f"{name} epoch {done}/{last}, {left / 60:.0f} min left" if left >= 90 else f"{name} epoch {done}/{last}"


def cause(log: Path | None) -> str:
    """What the command line said in the end of the words of a failed step; else where they are."""
    said = log.read_text(errors="replace").strip() if log is not None and log.exists() else ""
    lines = re.findall(r"^lprior: (.*(?:\nthe failed notebook .*)?)", said, re.MULTILINE)
    text = lines[-1].replace("\n", "; ") if lines else said[-1000:]
    return f"{text} (see {log})".strip()


def summary(folder: Path, runs: list[str]) -> str:
    """A table of the finished runs in a folder, with what is missing and where the gallery is, if it is there."""
    rows, missing = [("run", "epochs", "FID", "score", "minutes")], []
    for name in runs:
        if (folder / name / "metrics.json").exists():
            rows.append((name, *_numbers(folder / name)))
        else:
            missing.append(name)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *numbers in rows if len(rows) > 1 else []:
        cells = [f"{number:>{width}}" for number, width in zip(numbers, widths[1:], strict=True)]
        lines.append("  ".join([f"{name:{widths[0]}}", *cells]))
    lines += [f"Not finished: {', '.join(missing)}"] if missing else []
    lines += [f"The gallery: {folder / 'index.html'}"] if (folder / "index.html").exists() else []
    return "\n".join(lines)


def _numbers(run: Path) -> tuple[str, str, str, str]:
    """Epochs, FID, score and minutes of training, as text."""
    config, metrics, made = (
        json.loads((run / f"{name}.json").read_text()) for name in ("config", "metrics", "provenance")
    )
    seconds = made.get("training_seconds")
    minutes = "–" if seconds is None else f"{seconds / 60:.1f}"
    return str(config["epochs"]), _first(metrics, "fid_", ".2f"), _first(metrics, "score_", ".2f"), minutes


def _first(metrics: dict, beginning: str, form: str) -> str:
    """The first number whose key begins so, of all samples; a dash if there is none."""
    found = (value for key, value in metrics.items() if key.startswith(beginning) and not key.endswith("sheet100"))
    return next((f"{value:{form}}" for value in found if isinstance(value, float)), "–")
