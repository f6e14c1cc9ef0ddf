"""Load the example service to saturation for minutes, and replace its model meanwhile.

    python benchmarks/soak_serving.py [--seconds 600] [--connections 8] [--swap-every 60]

Starts `examples/serve.py` as a separate process with one worker. Each connection sends a request as soon as it has the
answer to the previous one. Recommendations are compared to those of the two models that replace each other. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from array import array
from collections import Counter, defaultdict
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
import pandas as pd
from common import machine, markdown

from sklearn_recsketch import WRMFRecommender, save_model
from sklearn_recsketch.datasets import make_interactions

SERVE = Path(__file__).parents[1] / "examples/serve.py"
N_CHECKED = 500  # users whose recommendations are compared
SHARES = {
    "recommend": 0.5,
    "recommend, history": 0.1,
    "recommend, candidates": 0.05,
    "similar": 0.2,
    "feature": 0.05,
    "explain": 0.03,
    "search": 0.05,
    "health": 0.02,
}


class Results:
    """Latencies and errors of all requests."""

    def __init__(self) -> None:
        self.seconds: dict[str, array] = defaultdict(lambda: array("d"))
        self.errors: Counter[str] = Counter()
        self.memory: list[float] = []
        self.cpu_seconds = 0.0
        self.versions: set[str] = set()


class Workload:
    """Random requests, and the recommendations that are expected from one of the models."""

    def __init__(self, models: list[WRMFRecommender], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._users, self._items = models[0].users_[:N_CHECKED].tolist(), models[0].items_.tolist()
        self._tags = models[0].item_encoder_.feature_names_.tolist()
        # One user at a time, as in the service: the rounding of scores differs from that of many users at once, so that
        # two items with nearly equal scores may change places.
        self._expected = {
            user: [model.recommend([user], 10)["item"].tolist() for model in models] for user in self._users
        }

    def reseeded(self, seed: int) -> Workload:
        """Return a copy with other random numbers."""
        workload = copy(self)
        workload._rng = np.random.default_rng(seed)
        return workload

    def request(self, name: str) -> tuple[str, dict[str, Any] | None, int]:
        """Return the URL of a request, its body, and its user."""
        user = self._users[self._rng.integers(len(self._users))]
        items = [self._items[n] for n in self._rng.integers(0, len(self._items), 50)]
        tag = quote(self._tags[self._rng.integers(len(self._tags))])
        requests: dict[str, tuple[str, dict[str, Any] | None]] = {
            "recommend": ("/api/recommend", {"user": user}),
            "recommend, history": ("/api/recommend", {"history": items[:10]}),
            "recommend, candidates": ("/api/recommend", {"user": user, "candidates": items, "exclude": items[:5]}),
            "similar": (f"/api/similar?item={items[0]}", None),
            "feature": (f"/api/feature?name={tag}", None),
            "explain": ("/api/explain", {"user": user, "item": items[0]}),
            "search": (f"/api/search?text={items[0]}", None),
            "health": ("/health", None),
        }
        return *requests[name], user

    def names(self, n: int) -> list[str]:
        """Draw the kinds of the next requests."""
        return self._rng.choice(list(SHARES), n, p=list(SHARES.values())).tolist()

    def is_wrong(self, name: str, user: int, answer: Any) -> bool:
        """Return whether a recommendation is that of neither model."""
        return name == "recommend" and [row["item"] for row in answer["items"]] not in self._expected[user]


class Connection:
    """An HTTP connection that stays open."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, url: str, body: dict[str, Any] | None) -> tuple[int, bytes]:
        """Send a request, and return the status and the body of the answer."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        content = b"" if body is None else json.dumps(body).encode()
        method = "GET" if body is None else "POST"
        head = f"{method} {url} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self._writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"content-length: (\d+)", answer, re.IGNORECASE)
        assert length is not None, answer
        return int(answer.split(" ", 2)[1]), await self._reader.readexactly(int(length.group(1)))

    def close(self) -> None:
        """Close the connection. The next request opens another one."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


async def load(connection: Connection, workload: Workload, end: float, results: Results) -> None:
    """Send one request after another until the time `end`."""
    while time.perf_counter() < end:
        for name in workload.names(1000):
            start = time.perf_counter()
            if start >= end:
                break
            url, body, user = workload.request(name)
            try:
                status, content = await asyncio.wait_for(connection.send(url, body), 30)
            except Exception as error:  # each is counted; the soak goes on
                results.errors[f"{name}: {type(error).__name__}"] += 1
                connection.close()
                continue
            results.seconds[name].append(time.perf_counter() - start)
            if status != 200:
                results.errors[f"{name}: status {status}"] += 1
            elif name == "recommend" and workload.is_wrong(name, user, json.loads(content)):
                results.errors[f"{name}: wrong items"] += 1
    connection.close()


async def swap(
    models: list[WRMFRecommender], path: Path, every: float, end: float, port: int, results: Results
) -> None:
    """Replace the model file regularly, and note the versions that the service answers with."""
    connection, n = Connection(port), 0
    next_swap = time.perf_counter() + every
    while time.perf_counter() < end:
        await asyncio.sleep(0.5)
        if time.perf_counter() >= next_swap and next_swap + 5 < end:
            n, next_swap = n + 1, next_swap + every
            await asyncio.to_thread(save_model, models[n % len(models)].set_params(random_state=n), path)
        results.versions.add(json.loads((await connection.send("/health", None))[1])["model"])
    connection.close()


async def watch_memory(pid: int, end: float, results: Results) -> None:
    """Note the resident memory of a process every second, in MiB, and the processor time that it takes."""
    start = cpu_seconds(pid)
    while time.perf_counter() < end:
        status = Path(f"/proc/{pid}/status").read_text()
        results.memory.append(int(re.search(r"VmRSS:\s*(\d+)", status).group(1)) / 1024)  # type: ignore[union-attr]
        await asyncio.sleep(1)
    results.cpu_seconds = cpu_seconds(pid) - start


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def soak(models: list[WRMFRecommender], path: Path, pid: int, port: int, options: Any) -> Results:
    """Run everything at the same time."""
    results, workload = Results(), Workload(models, 0)
    workloads = [workload.reseeded(seed) for seed in range(options.connections)]
    end = time.perf_counter() + options.seconds
    await asyncio.gather(
        *(load(Connection(port), workload, end, results) for workload in workloads),
        swap(models, path, options.swap_every, end, port, results),
        watch_memory(pid, end, results),
    )
    return results


class Service(NamedTuple):
    """A running service."""

    process: subprocess.Popen[str]
    port: int


def start(path: Path, threads: int, log: Path) -> Service:
    """Start the service, and wait until it accepts requests."""
    command = [sys.executable, str(SERVE), str(path), "--port", "0", "--threads", str(threads)]
    with log.open("w") as file:
        process = subprocess.Popen(command, stderr=file, text=True)
    while not (address := re.search(r"http://127.0.0.1:(\d+)", log.read_text())):
        if process.poll() is not None:
            raise RuntimeError(log.read_text())
        time.sleep(0.1)
    return Service(process, int(address.group(1)))


def report(results: Results, seconds: float) -> str:
    """Describe the results: a table of latencies, errors, memory and swaps."""
    rows = []
    for name in SHARES:
        times = 1000 * np.array(results.seconds[name])
        p50, p95, p99 = np.percentile(times, [50, 95, 99]) if len(times) else [np.nan] * 3
        wrong = sum(n for error, n in results.errors.items() if error.startswith(f"{name}:"))
        rows.append((name, len(times), wrong, f"{p50:.2f}", f"{p95:.2f}", f"{p99:.2f}"))
    table = pd.DataFrame(rows, columns=["request", "requests", "errors", "p50, ms", "p95, ms", "p99, ms"])
    total, memory = table["requests"].sum(), results.memory
    tenth = max(1, len(memory) // 10)
    return "\n\n".join(
        [
            markdown(table),
            f"{total:,} requests in {seconds:.0f} s, {total / seconds:.0f} per second. The service took "
            f"{1000 * results.cpu_seconds / total:.2f} ms of processor time per request. Errors: "
            f"{dict(results.errors) or 'none'}.",
            f"Resident memory: {np.median(memory[:tenth]):.0f} MiB in the first tenth of the time, "
            f"{np.median(memory[-tenth:]):.0f} MiB in the last, {max(memory):.0f} MiB at most. "
            f"Models swapped: {len(results.versions) - 1}.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--swap-every", type=float, default=60, help="seconds between two models")
    parser.add_argument("--threads", type=int, default=4, help="threads of the service")
    parser.add_argument("--users", type=int, default=5000)
    parser.add_argument("--items", type=int, default=5000)
    options = parser.parse_args()
    X, y, tags = make_interactions(options.users, options.items, return_features=True, random_state=0)
    models = [WRMFRecommender(64, random_state=seed).fit(X, y, item_features=tags) for seed in range(2)]
    with tempfile.TemporaryDirectory() as folder:
        path, log = Path(folder) / "model.skrec", Path(folder) / "log.txt"
        save_model(models[0], path)
        process, port = start(path, options.threads, log)
        try:
            results = asyncio.run(soak(models, path, process.pid, port, options))
        finally:
            process.terminate()
            code = process.wait(30)
    print(machine("fastapi", "uvicorn"))
    print(
        f"{options.connections} connections, {options.threads} threads, {len(models[0].users_):,} users, "
        f"{len(models[0].items_):,} items, 64 components, {len(tags.values)} tags. Exit code {code}.\n"
    )
    print(report(results, options.seconds))


if __name__ == "__main__":
    main()
