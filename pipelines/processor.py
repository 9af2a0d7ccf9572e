"""What the processor at hand does slowly, so that libraries take another way; to be asked before NumPy is loaded.

What belongs here: settings of libraries that depend on the processor and change no bit of a result. What does not:
settings that hold everywhere (`cli.py`).
"""

from __future__ import annotations

import os
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def prefer_quick_sorts() -> None:
    """Keep NumPy from sorting by AVX-512 on processors of AMD's Zen 4, unless the environment says otherwise.

    They store compressed registers so slowly that NumPy sorts five times as fast with AVX2: 5 ns a number in place of
    25, of 10,000; nothing else that we use is quicker with AVX-512 by more than a sixth. Results have the same bits
    either way (`tests/pipelines/test_same_bits.py`).
    """
    try:
        told = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    if sorts_slowly(told):
        os.environ.setdefault("NPY_DISABLE_CPU_FEATURES", "X86_V4")


def sorts_slowly(told: str) -> bool:
    """Whether a processor is a Zen 4, the only one of AMD's family 25 that has AVX-512.

    Args:
        told: What ``/proc/cpuinfo`` says of it.

    >>> sorts_slowly("vendor_id : AuthenticAMD\\ncpu family : 25\\nflags : fpu avx2 avx512f")
    True
    """
    lines = (line.partition(":") for line in told.partition("\n\n")[0].splitlines())
    facts = {name.strip(): said.strip() for name, _, said in lines}
    is_family = (facts.get("vendor_id"), facts.get("cpu family")) == ("AuthenticAMD", "25")
    return is_family and "avx512f" in facts.get("flags", "").split()
