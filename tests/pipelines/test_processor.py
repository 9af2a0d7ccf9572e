"""On which processors NumPy is kept from AVX-512, and that the environment has the last word."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pipelines import processor

ZEN_4 = (
    "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\nflags\t\t: fpu avx2 avx512f avx512dq\n"
)


@pytest.mark.parametrize(
    ("told", "slow"),
    [
        (ZEN_4, True),
        (ZEN_4.replace("avx512f avx512dq", "sse2"), False),  # Zen 3
        (ZEN_4.replace(": 25", ": 26"), False),  # Zen 5
        (ZEN_4.replace("AuthenticAMD", "GenuineIntel"), False),
        (ZEN_4.replace(": 25", ": 26") + "\n" + ZEN_4, False),  # the first counts
        ("processor : 0\nBogoMIPS : 50.00\nFeatures : fp asimd\n", False),  # ARM
        ("", False),
    ],
)
def test_zen_4_alone_sorts_slowly_with_avx_512(told, slow, tmp_path, monkeypatch):
    assert processor.sorts_slowly(told) is slow
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setenv("NPY_DISABLE_CPU_FEATURES", "")  # so that it is as before afterwards
    monkeypatch.delenv("NPY_DISABLE_CPU_FEATURES")
    processor.prefer_quick_sorts()  # no such file, as on other systems
    assert "NPY_DISABLE_CPU_FEATURES" not in os.environ
    (tmp_path / "cpuinfo").write_text(told)
    processor.prefer_quick_sorts()
    assert os.environ.get("NPY_DISABLE_CPU_FEATURES") == ("X86_V4" if slow else None)
    monkeypatch.setenv("NPY_DISABLE_CPU_FEATURES", "")
    processor.prefer_quick_sorts()
    assert os.environ["NPY_DISABLE_CPU_FEATURES"] == ""


def test_the_command_line_asks_before_numpy_is_loaded():
    asked = "p.prefer_quick_sorts = lambda: print('numpy' in sys.modules)"
    lines = "import sys", "from pipelines import processor as p", asked, "import pipelines.cli"
    told = subprocess.run([sys.executable, "-c", "; ".join(lines)], capture_output=True, text=True)
    assert (told.stdout, told.stderr) == ("False\n", "")
