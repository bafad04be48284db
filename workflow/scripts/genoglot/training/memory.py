"""Memory that this machine, and the job, have for a process; all in bytes."""

from pathlib import Path

import torch

from genoglot.model.hardware import device

MEGABYTE, GIGABYTE = 10**6, 10**9
CGROUPS, OWN_CGROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def resident_memory() -> int:
    """What this process holds of the machine's memory; 0 where the system does not say."""
    return _field(Path("/proc/self/status"), "VmRSS:")


def available_memory(memory_mb: int | None) -> tuple[int, str] | None:
    """What there is for the processes of this job on this machine, and who says so; None where nobody does.

    Of a GPU, what is free on it. Else the least of what the system could give, with what this process has already, of
    what its control group may have, and of the `memory_mb` megabytes that the job was given.
    """
    if device().type == "cuda":
        return torch.cuda.mem_get_info()[0], "free on the GPU"
    found = []
    if free := _field(Path("/proc/meminfo"), "MemAvailable:"):
        found.append((free + resident_memory(), "free on this machine"))
    if (limit := _cgroup_limit()) is not None:
        found.append((limit, "allowed by the control group of this process"))
    if memory_mb:
        found.append((memory_mb * MEGABYTE, "given to the job as mem_mb"))
    return min(found) if found else None


def _field(path: Path, name: str) -> int:
    """A number of kilobytes from a table of the proc file system, in bytes; 0 if there is none."""
    if not path.exists():
        return 0
    for line in path.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def _cgroup_limit() -> int | None:
    """The least limit of this process' control group and of those around it, of either version."""
    if not OWN_CGROUP.exists():
        return None
    limits = []
    for line in OWN_CGROUP.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root, name = (CGROUPS, "memory.max") if not controllers else (CGROUPS / "memory", "memory.limit_in_bytes")
        inner = root / path.lstrip("/")
        for folder in [inner, *inner.parents]:
            if folder != root and root not in folder.parents:
                break
            limit = folder / name
            if limit.exists() and limit.read_text().strip().isdigit():
                limits.append(int(limit.read_text()))
    return min(limits, default=None)
