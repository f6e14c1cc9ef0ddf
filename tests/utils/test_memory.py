"""Memory that is available to the process."""

from __future__ import annotations

import pytest

from sklearn_recsketch.utils import _memory


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Folder of a simulated machine with 8,000 kB available memory, without a container."""
    monkeypatch.setattr(_memory, "CGROUP", tmp_path)
    monkeypatch.setattr(_memory, "MEMINFO", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text("MemTotal:  9000 kB\nMemAvailable:   8000 kB\n")
    return tmp_path


def test_memory_of_this_machine_is_positive():
    available = _memory.available_bytes()
    assert available is None or available > 0


def test_memory_of_the_machine_applies_without_a_container(machine):
    assert _memory.available_bytes() == 8000 * 1024


def test_limit_of_the_container_applies_if_it_is_lower(machine):
    (machine / "memory.max").write_text("5000\n")
    (machine / "memory.current").write_text("4000\n")
    (machine / "memory.stat").write_text("anon 1000\ninactive_file 300\n")
    assert _memory.available_bytes() == 5000 - 4000 + 300


def test_older_containers_have_other_files(machine):
    (machine / "memory").mkdir()
    (machine / "memory/memory.limit_in_bytes").write_text("5000\n")
    (machine / "memory/memory.usage_in_bytes").write_text("4000\n")
    assert _memory.available_bytes() == 1000


def test_a_container_without_a_limit_has_the_memory_of_the_machine(machine):
    (machine / "memory.max").write_text("max\n")
    (machine / "memory.current").write_text("4000\n")
    assert _memory.available_bytes() == 8000 * 1024
