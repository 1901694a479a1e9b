"""What the command line says of what nobody foresaw, and of what the machine refuses."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from sandbox import refused

from lprior import __main__ as cli
from lprior import commands
from lprior.errors import TrainingDiverged
from lprior.failures import tell

ROOT = Path(__file__).parents[1]


def failing(monkeypatch, error: BaseException) -> None:
    def config(options):
        raise error

    monkeypatch.setattr(commands, "config", config)


def test_anything_else_is_one_line_that_names_the_file_with_the_traceback(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    failing(monkeypatch, ZeroDivisionError("one\ntwo"))
    line = refused(capsys, ["config", "mnist-aae-s0"], code=70)
    (file,) = tmp_path.iterdir()
    assert line == f"lprior: unexpected ZeroDivisionError: one two; the traceback is in {file}"
    assert "Traceback" in file.read_text() and "in config" in file.read_text()


def test_without_a_folder_for_the_traceback_that_is_said(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    failing(monkeypatch, ZeroDivisionError())
    assert "could not be kept" in refused(capsys, ["config", "mnist-aae-s0"], code=70)


@pytest.mark.parametrize(
    ("error", "code", "named"),
    [
        (MemoryError(), 2, "the memory is not enough"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 8 bytes"), 2, "memory is not enough"),
        (torch.OutOfMemoryError("CUDA out of memory"), 2, "memory is not enough"),
        (PermissionError(errno.EACCES, "Permission denied", "some/file"), 2, "some/file: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device", "some/file"), 2, "some/file: No space left on device: "),
        (RuntimeError("I/O error: No space left on device (os error 28)"), 2, " MB are free on the disk of "),
        (OSError(), 2, "OSError"),
        (TrainingDiverged("L_rec"), 4, "L_rec"),
        (KeyboardInterrupt(), 130, "interrupted; what is finished is kept"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_failed_is_said_in_words(capsys, monkeypatch, error, code, named):
    failing(monkeypatch, error)
    assert named in refused(capsys, ["config", "mnist-aae-s0"], code)


def test_a_full_disk_is_named_with_what_is_free(capsys, tmp_path):
    error = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "absent" / "file"))
    assert tell(error, "lprior") == 2
    assert f"MB are free on the disk of {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["config", "mnist-lpaae-s0"], ["--help"]], ids=lambda value: value[0])
def test_a_reader_that_leaves_ends_it_quietly(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "lprior", *arguments]
    answer = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    os.close(writing)
    assert answer.stderr == "" and answer.returncode in (0, 141)  # argparse itself says nothing
    assert answer.returncode == 141 or arguments == ["--help"]


def test_the_help_lists_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for code in ("0 done", "2 wrong input", "3 no data", "4 training diverged", "70 unexpected", "130 interrupted"):
        assert code in text
