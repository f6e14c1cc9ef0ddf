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
    """Open a temporary file for writing, and rename it to `path` on success; after an error, `path` is unchanged.

    The name of the temporary file is random, so that several processes can write the same path. Its content is flushed
    to disk before it is renamed, so that a power failure leaves either the old or the new file.
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
