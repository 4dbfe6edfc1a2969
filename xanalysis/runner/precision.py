"""The numbers a forward pass runs in: bfloat16 where a device multiplies it fast, else float32.

On a processor without instructions for bfloat16 its products run ten times as slow as those of
float32 (measured on an AMD EPYC of the Zen 3 generation with PyTorch 2.13), so what is best hangs
on the machine.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

Precision = Literal["bf16", "fp32"]
Asked = Literal["auto", "bf16", "fp32"]
_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # of x86 and ARM, as Linux names them


def chosen(asked: Asked, device: str) -> Precision:
    """The precision that a stage runs in.

    Args:
        asked: ``auto`` leaves it to the device.
        device: ``cpu``, ``cuda`` or ``cuda:1``.
    """
    if asked != "auto":
        return asked
    return "bf16" if has_bfloat16(device) else "fp32"


def has_bfloat16(device: str) -> bool:
    """Whether a device multiplies bfloat16 faster than float32."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere and later
    return _cpu_has_bfloat16()


@cache
def _cpu_has_bfloat16() -> bool:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    flags = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return not _FLAGS.isdisjoint(next(flags, "").split())
