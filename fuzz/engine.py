"""Run a fuzz target many times, count the outcomes, and keep the inputs that violate a property."""

from __future__ import annotations

import hashlib
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from fuzz.mutations import mutated
from fuzz.oracle import Finding, NotBuilt, outcome_of
from fuzz.target import Target

__all__ = ["Run"]

LONGEST = 10.0  # seconds of processor time per input; a usual one takes a millisecond
MOST_SEEDS = 2000


class Hang(BaseException):
    """An input that takes longer than the time limit. No handler of the package catches it."""


class Run:
    """Executions of one target.

    Parameters
    ----------
    target : Target
    folder : Path or None
        Folder for the inputs of the findings.

    Attributes
    ----------
    outcomes : Counter
        Number of inputs by kind: "accepted", or the class of the documented error.
    places : Counter
        Number of errors by the line that raised them.
    findings : dict of str to bytes
        First input of each distinct finding.
    """

    def __init__(self, target: Target, folder: Path | None = None) -> None:
        self.target, self._folder = target, folder
        self.outcomes: Counter[str] = Counter()
        self.places: Counter[str] = Counter()
        self.findings: dict[str, bytes] = {}

    def mutate(self, n: int, seed: int) -> None:
        """Run the target on n inputs. An input whose outcome is new becomes a seed."""
        random = Random(seed)
        seeds = [*self.target.seeds()]
        for data in seeds:
            self(data)
        for _ in range(n - len(seeds)):
            n_known = len(self.places) + len(self.findings)
            data = mutated(seeds, self.target.tokens, random)
            self(data)
            if len(self.places) + len(self.findings) > n_known and len(seeds) < MOST_SEEDS:
                seeds.append(data)

    def cover(self, n: int, seed: int) -> None:
        """Run the target on n inputs that atheris chooses by the coverage of the package."""
        import atheris

        corpus = Path(f"{self._folder or 'fuzz-findings'}") / f"{self.target.name}-corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        for data in self.target.seeds():
            (corpus / hashlib.sha1(data).hexdigest()).write_bytes(data)
        options = [f"-atheris_runs={n}", f"-seed={seed + 1}", "-max_len=4096", "-timeout=60", "-verbosity=0"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], lambda data: self(data))
        atheris.Fuzz()

    def __call__(self, data: bytes) -> None:
        """Run the target on one input."""
        running = None if self._folder is None or not self.target.native else self._folder / f"{self.target.name}.last"
        if running is not None:
            running.write_bytes(data)  # what is left if the process crashes
        try:
            with _time_limit(LONGEST), warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.simplefilter("ignore", UserWarning)
                warnings.simplefilter("error", RuntimeWarning)
                self.target.run(data)
            kind, place = "accepted", "accepted"
        except NotBuilt:
            kind, place = "not built", "not built"
        except Hang:
            kind, place = self._found("hang", data)
        except Finding as finding:
            kind, place = self._found(str(finding), data, finding)
        except Exception as error:
            try:
                kind, place = outcome_of(error)
                self.target.check_error(data, error)
            except Finding as finding:
                kind, place = self._found(str(finding), data, error)
        self.outcomes[kind] += 1
        self.places[place] += 1

    def _found(self, message: str, data: bytes, error: BaseException | None = None) -> tuple[str, str]:
        place = "hang" if error is None else traceback.extract_tb(error.__traceback__)[-1]
        key = f"{message.split(':')[0]} at {getattr(place, 'filename', '')}:{getattr(place, 'lineno', '')}"
        if key not in self.findings:
            self.findings[key] = data
            print(f"FINDING {self.target.name}: {message[:500]}\n    input {data[:300]!r}", flush=True)
            if self._folder is not None:
                name = f"{self.target.name}-{hashlib.sha1(data).hexdigest()[:12]}"
                (self._folder / name).write_bytes(data)
                if error is not None:
                    lines = traceback.format_exception(error)
                    (self._folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8", errors="replace")
        return "finding", key

    def report(self, started: float) -> dict[str, Any]:
        """Return the counts of this run."""
        return {
            "target": self.target.name,
            "executions": self.outcomes.total(),
            "seconds": round(time.monotonic() - started, 1),
            "outcomes": dict(self.outcomes.most_common()),
            "distinct_errors": len(self.places),
            "findings": sorted(self.findings),
        }


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    if not hasattr(signal, "setitimer"):  # on Windows, a hang stops at the time limit of the test
        yield
        return

    def stop(*_: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
