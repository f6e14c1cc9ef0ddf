"""Replace files atomically."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

__all__ = ["atomic_write"]


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Write a file such that `path` is either replaced completely or not changed at all.

    The context manager opens a temporary file for writing. It renames this file to `path` on success, and deletes it
    after an error. The name of the temporary file is random, so that several processes can write to the same path. The
    temporary file is flushed to disk before it is renamed. Therefore, `path` contains either the old or the new content
    after a power failure.
    """
    temporary = path.with_name(f"{path.name}.{token_hex(8)}.tmp")
    try:
        # The tempfile module would create a file that other users cannot read.
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
