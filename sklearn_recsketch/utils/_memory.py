"""Memory that this process can still take, so that a large array is refused before it is allocated."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["available_bytes"]

CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")
# Files with the limit, the use and the statistics of a container's memory: version 2 and version 1 of cgroups.
CGROUP_FILES = (
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)


def available_bytes() -> int | None:
    """Return the number of bytes that can be allocated without swapping, or None if it is not known.

    On Linux, this is the memory that the kernel considers available, or less if the container has a lower limit. On
    other POSIX systems, it is the physical memory.
    """
    left = [value for value in (_of_machine(), _of_container()) if value is not None]
    return min(left, default=None)


def _of_machine() -> int | None:
    found = re.search(r"^MemAvailable:\s*(\d+) kB", _read(MEMINFO), re.MULTILINE)
    if found:
        return int(found.group(1)) * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def _of_container() -> int | None:
    for limit_file, used_file, statistics_file in CGROUP_FILES:
        limit, used = _read(CGROUP / limit_file).strip(), _read(CGROUP / used_file).strip()
        if limit.isdigit() and used.isdigit():
            # Cached files count as used, but the kernel frees them on demand.
            cached = re.search(r"^(?:total_)?inactive_file (\d+)", _read(CGROUP / statistics_file), re.MULTILINE)
            return max(0, int(limit) - int(used) + (int(cached.group(1)) if cached else 0))
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
