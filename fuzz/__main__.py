"""Run fuzz targets: ``python -m fuzz --target load_likes --executions 200000 --seed 0``."""

from __future__ import annotations

import argparse
import atexit
import json
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

ENGINES = {"mutations": "mutate", "atheris": "cover"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--target", action="append", help="name of a target; all targets if not given")
    parser.add_argument("--executions", type=int, default=2000, help="inputs per target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", choices=ENGINES, default="mutations", help="atheris needs: pip install atheris")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="folder for inputs of findings")
    parser.add_argument("--input", type=Path, help="run the one target on this file, and show its error")
    options = parser.parse_args()
    if options.engine == "atheris":
        import atheris

        # numba does not compile instrumented functions.
        with atheris.instrument_imports(include=["sklearn_recsketch"], exclude=["sklearn_recsketch.kernels"]):
            import fuzz.targets  # noqa: F401
    from fuzz.engine import Run
    from fuzz.targets import TARGETS

    if options.input is not None:
        with TemporaryDirectory() as folder:
            TARGETS[options.target[0]](Path(folder)).run(options.input.read_bytes())
        return 0
    options.findings.mkdir(parents=True, exist_ok=True)
    for stop in (signal.SIGINT, signal.SIGTERM):  # a process in the background ignores the first
        signal.signal(stop, signal.default_int_handler)
    failed = False
    for name in options.target or TARGETS:
        started = time.monotonic()
        with TemporaryDirectory() as folder:
            run = Run(TARGETS[name](Path(folder)), options.findings)
            if options.engine == "atheris":  # it ends the process
                atexit.register(lambda run=run, started=started: print(json.dumps(run.report(started)), flush=True))
            with suppress(KeyboardInterrupt):  # the counts so far are reported
                getattr(run, ENGINES[options.engine])(options.executions, options.seed)
        print(json.dumps(run.report(started)), flush=True)
        failed |= bool(run.findings)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
