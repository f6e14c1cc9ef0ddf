"""Change valid inputs at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

__all__ = ["mutated"]

HUGE = 200_000  # bytes; longer than the default limit of a field of the csv module
ENDS = (b"\n", b"\r\n", b"\r", b"\r\r\n", b"\0", b"")
ENCODINGS = ("utf-16", "utf-8-sig", "latin-1", "utf-32", "utf-7")


def mutated(seeds: Sequence[bytes], tokens: Sequence[bytes], random: Random) -> bytes:
    """Return one of the seeds after a few random changes.

    Parameters
    ----------
    seeds : sequence of bytes
        Inputs to start from. Parts of another seed may be inserted.
    tokens : sequence of bytes
        Strings that have a meaning in the format.
    random : Random
    """
    data = random.choice(seeds)
    for _ in range(1 + int(random.expovariate(0.7))):
        data = random.choice(CHANGES)(data, seeds, tokens, random)
    return data


Change = Callable[[bytes, Sequence[bytes], Sequence[bytes], Random], bytes]


def _part(data: bytes, random: Random) -> tuple[int, int]:
    start = random.randint(0, len(data))
    return start, min(len(data), start + int(random.expovariate(1 / 8)))


def _flip_bit(data: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes], random: Random) -> bytes:
    if not data:
        return data
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


def _set_byte(data: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes], random: Random) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]


def _delete(data: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes], random: Random) -> bytes:
    start, stop = _part(data, random)
    return data[:start] + data[stop:]


def _repeat(data: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes], random: Random) -> bytes:
    start, stop = _part(data, random)
    many = 2 + int(random.expovariate(0.3))
    if random.random() < 0.001:
        many = HUGE // max(1, stop - start)
    return data[:start] + data[start:stop] * many + data[stop:]


def _insert_token(data: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes], random: Random) -> bytes:
    start, stop = _part(data, random)
    if random.random() < 0.5:
        stop = start
    return data[:start] + random.choice(tokens) + data[stop:]


def _splice(data: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes], random: Random) -> bytes:
    other = random.choice(seeds)
    start, stop = _part(other, random)
    at = random.randint(0, len(data))
    tail = data[at:] if random.random() < 0.7 else other[stop:]
    return data[:at] + other[start:stop] + tail


def _truncate(data: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes], random: Random) -> bytes:
    return data[: random.randint(0, len(data))]


def _swap_lines(data: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes], random: Random) -> bytes:
    lines = data.split(b"\n")
    first, second = (random.randrange(len(lines)) for _ in range(2))
    lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines)


def _change_ends(data: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes], random: Random) -> bytes:
    parts = data.split(b"\n")
    if random.random() < 0.5:
        return random.choice(ENDS).join(parts)
    return b"".join(part + random.choice(ENDS) for part in parts)


def _recode(data: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes], random: Random) -> bytes:
    if random.random() < 0.8:
        return data
    return data.decode("utf-8", "replace").encode(random.choice(ENCODINGS), "replace")


CHANGES: tuple[Change, ...] = (
    _flip_bit,
    _set_byte,
    _delete,
    _repeat,
    _insert_token,
    _insert_token,
    _splice,
    _truncate,
    _swap_lines,
    _change_ends,
    _recode,
)
