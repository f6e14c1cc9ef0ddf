"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

__all__ = ["replacing"]


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of `path` in the end; after an error all is as it was.

    Its name is new, as others may write the same file. It is on the disk before the name is: a power cut leaves
    the old file or the new one.
    """
    beside = path.with_name(f"{path.name}.{token_hex(8)}.tmp")
    try:
        # Not of tempfile: its files are hidden from other users.
        with beside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
