"""What a result needs to say about the machine it was measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

TELLING_FLAGS = ("sse4_1", "avx2", "fma", "avx512bw", "avx512_vnni", "avx512_vbmi", "avx_vnni")


def usable_cpus() -> int:
    """Processors that this process may run on."""
    return len(os.sched_getaffinity(0))


def describe() -> dict[str, Any]:
    """CPU, instruction sets that matter here, caches, memory in bytes, operating system, load."""
    cpu = _first_processor()
    flags = cpu.get("flags", "").split()
    return {
        "cpu": _name(cpu),
        "instruction_sets": [flag for flag in TELLING_FLAGS if flag in flags],
        "cpus": usable_cpus(),
        "caches": _caches(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "system": f"{platform.system()} {platform.release()}",
        "load_average_at_start": os.getloadavg()[0],
    }


def _name(cpu: dict[str, str]) -> str:
    """The marketing name, and what tells generations apart where a virtual machine hides it."""
    name = cpu.get("model name", platform.machine())
    return f"{name} (family {cpu.get('cpu family', '?')}, model {cpu.get('model', '?')})"


def _first_processor() -> dict[str, str]:
    """The fields of the first block of /proc/cpuinfo."""
    block = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    pairs = (line.split(":", 1) for line in block.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _caches() -> dict[str, str]:
    """Sizes of the data caches of processor 0 by level, such as {"L2": "512K"}."""
    sizes = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if (folder / "type").read_text().strip() != "Instruction":
            sizes["L" + (folder / "level").read_text().strip()] = (
                (folder / "size").read_text().strip()
            )
    return sizes
