"""The fuzz targets, with a few inputs each. ``make fuzz`` runs more."""

from __future__ import annotations

import pytest

pytest.importorskip("polars")
pytest.importorskip("pyarrow")
pytest.importorskip("usearch")

from fuzz.engine import Run
from fuzz.oracle import Finding, check
from fuzz.target import Target
from fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_inputs_are_read_without_loss_or_raise_documented_errors(name, tmp_path):
    run = Run(TARGETS[name](tmp_path))
    run.mutate(len(run.target.seeds()) + 60, seed=0)
    assert run.findings == {}
    assert len(run.outcomes) > 1


class _Faulty(Target):
    """A target with one fault for each kind of input."""

    name = "faulty"

    def seeds(self):
        return [b"lost", b"undocumented", b"library", b"hang", b"ok", b"documented"]

    def run(self, data):
        check(data != b"lost", "a row is lost")
        if data == b"undocumented":
            raise KeyError("row")
        if data == b"library":
            int("not a number")
        if data == b"hang":
            while True:
                pass
        if data == b"documented":
            raise FileNotFoundError("no such file")


def test_the_engine_finds_each_kind_of_fault(monkeypatch, tmp_path):
    monkeypatch.setattr("fuzz.engine.LONGEST", 0.1)
    run = Run(_Faulty(tmp_path), tmp_path)
    for data in run.target.seeds():
        run(data)
    assert sorted(run.findings.values()) == [b"hang", b"library", b"lost", b"undocumented"]
    assert run.outcomes == {"finding": 4, "accepted": 1, "FileNotFoundError": 1}
    assert {path.read_bytes() for path in tmp_path.glob("faulty-*") if path.suffix != ".txt"} == {
        *run.findings.values()
    }


def test_a_finding_is_no_documented_error():
    assert not issubclass(Finding, ValueError | TypeError | OSError)
