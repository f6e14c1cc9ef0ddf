"""Test that files are replaced atomically."""

from __future__ import annotations

import os
import sys

import pytest

from sklearn_recsketch.utils._atomic_files import atomic_write


@pytest.mark.parametrize("old", [None, b"old"])
def test_the_old_file_exists_until_the_new_one_is_complete(tmp_path, old):
    path = tmp_path / "file"
    if old is not None:
        path.write_bytes(old)
    with atomic_write(path) as file:
        file.write(b"new")
        file.flush()
        assert (path.read_bytes() if path.exists() else None) == old
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file_unchanged(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as file:
        file.write(b"new")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_can_write_the_same_path_at_once(tmp_path):
    path = tmp_path / "file"
    with atomic_write(path) as one, atomic_write(path) as other:
        one.write(b"one")
        other.write(b"other")
    assert path.read_bytes() == b"one"  # the last writer to finish
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not have these permissions")
def test_the_file_has_the_default_permissions(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    with atomic_write(tmp_path / "file"):
        pass
    assert os.stat(tmp_path / "file").st_mode == os.stat(tmp_path / "plain").st_mode
