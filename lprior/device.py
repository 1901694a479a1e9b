"""The device that computes: its choice, its precision, its memory."""

import os
import platform
import resource
from contextlib import AbstractContextManager, nullcontext

import torch

from lprior.errors import UserError


def choose_device(name: str) -> torch.device:
    """"auto" is CUDA where there is one, else the CPU. Raises UserError for CUDA where there is none."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise UserError(f"device {name!r} is unknown: choose auto, cpu or cuda")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda was asked for, but torch finds no CUDA device: use --device cpu or auto")
    count = torch.cuda.device_count() if device.type == "cuda" else 1
    if (device.index or 0) >= count:
        raise UserError(f"device {name} was asked for, but this machine has {count}, counted from {device.type}:0")
    return device


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 matrices in hardware, faster than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def convolutions(device: torch.device, tf32: bool) -> AbstractContextManager:
    """On CUDA cuDNN may choose, from run to run, among algorithms that add in another order: not in here. `tf32`:
    whether those of float32 may round what they multiply to ten bits, as torch allows by default."""
    if device.type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=tf32)


def peak_memory_bytes(device: torch.device) -> int:
    """The most memory in use so far: of the GPU on a GPU, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if platform.system() == "Darwin" else 1024  # getrusage counts bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def memory_bytes(device: torch.device) -> int:
    """All that the GPU has, or the machine."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def check_memory(needed: float, there: int, what: str) -> None:
    """Raises UserError if `what` needs more bytes than there are."""
    if needed > there:
        much = f"at least {needed / 1e9:,.1f} GB of memory" if needed < 1e20 else "more memory than can be counted"
        raise UserError(f"{what} would take {much}, and there are {there / 1e9:,.1f} GB: choose smaller values")
