"""Inventories of other projects for intersphinx, from text files with the objects that our pages refer to.

Each file starts with the address of the project. Every other line has the domain and type, the name and the page of an
object. "$" in the page stands for the name.
"""

from __future__ import annotations

import zlib
from pathlib import Path


def write_inventories(sources: Path, folder: Path) -> dict[str, tuple[str, str]]:
    """Write an inventory for each text file; returns the value of `intersphinx_mapping`."""
    folder.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for source in sorted(sources.glob("*.txt")):
        address, *lines = source.read_text(encoding="utf-8").splitlines()
        entries = [line.split() for line in lines if line and not line.startswith("#")]
        body = "".join(f"{name} {role} 1 {page.replace('$', name)} -\n" for role, name, page in entries)
        head = f"# Sphinx inventory version 2\n# Project: {source.stem}\n# Version: \n"
        head += "# The remainder of this file is compressed using zlib.\n"
        target = folder / f"{source.stem}.inv"
        target.write_bytes(head.encode() + zlib.compress(body.encode()))
        mapping[source.stem] = (address, str(target))
    return mapping
