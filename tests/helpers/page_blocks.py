"""Read and run the Python code on a page of the documentation."""

from __future__ import annotations

import doctest
import importlib.util
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FLOAT = re.compile(r"-?\d+\.(\d*)")
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
DIRECTIVE = re.compile(r"( *)\.\. (?:code-block:: python|testsetup::)\s*$")
COMMENT = re.compile(r" *\.\. (needs|not run): (.+)$")


@dataclass
class Block:
    """Code of a page: a block of statements, or a doctest."""

    line: int
    source: str
    needs: list[str] = field(default_factory=list)
    why_not_run: str = ""
    name: str = ""

    @property
    def is_doctest(self) -> bool:
        return self.source.lstrip().startswith(">>>")


def read_blocks(path: Path) -> list[Block]:
    """Python blocks of a page, in order.

    A comment ``.. needs: implicit`` before a block names the modules without which it is not run, and a comment
    ``.. not run: reason`` says why it is never run.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    blocks: list[Block] = []
    comments: dict[str, str] = {}
    number = 0
    while number < len(lines):
        line = lines[number]
        if comment := COMMENT.match(line):
            comments[comment[1]] = comment[2]
            number += 1
        elif directive := DIRECTIVE.match(line):
            end = number + 1
            while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > len(directive[1])):
                end += 1
            blocks.append(_directive_block(lines, number + 1, end, comments))
            comments, number = {}, end
        elif line.lstrip().startswith(">>> "):
            end = number
            while end < len(lines) and lines[end].strip():
                end += 1
            blocks.append(_block(lines, number, end, comments))
            comments, number = {}, end
        else:
            number += 1
    return blocks


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _directive_block(lines: list[str], start: int, end: int, comments: dict[str, str]) -> Block:
    name = ""
    while start < end and lines[start].strip().startswith(":"):
        if lines[start].strip().startswith(":name:"):
            name = lines[start].split(":name:")[1].strip()
        start += 1
    block = _block(lines, start, end, comments)
    block.name = name
    return block


def _block(lines: list[str], start: int, end: int, comments: dict[str, str]) -> Block:
    while start < end and not lines[start].strip():
        start += 1
    body = lines[start:end]
    width = min((_indent(line) for line in body if line.strip()), default=0)
    source = "\n".join(line[width:] for line in body) + "\n"
    return Block(start + 1, source, comments.get("needs", "").split(), comments.get("not run", ""))


def run_blocks(path: Path, variables: dict[str, Any]) -> int:
    """Run the blocks of a page one after another with shared variables; returns the number of blocks that were run."""
    n_run = 0
    for block in read_blocks(path):
        if block.why_not_run or not all(_is_installed(name) for name in block.needs):
            continue
        n_run += 1
        if block.is_doctest:
            _run_doctest(path, block, variables)
        else:
            exec(compile("\n" * (block.line - 1) + block.source, str(path), "exec"), variables)
    return n_run


class _NearlyEqual(doctest.OutputChecker):
    """Accept floats that differ by one in the last digit, because rounding differs between processors."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        wanted, found = list(FLOAT.finditer(want)), list(FLOAT.finditer(got))
        if len(wanted) == len(found):
            for one, other in reversed(list(zip(wanted, found, strict=True))):
                if abs(float(one[0]) - float(other[0])) < 1.5 * 10 ** -len(one[1]):
                    got = got[: other.start()] + one[0] + got[other.end() :]
        return super().check_output(want, got, optionflags)


def _is_installed(name: str) -> bool:
    # Modules that import their parts lazily may have no __spec__, which find_spec refuses.
    return name in sys.modules or importlib.util.find_spec(name) is not None


def _run_doctest(path: Path, block: Block, variables: dict[str, Any]) -> None:
    test = doctest.DocTestParser().get_doctest(block.source, variables, path.name, str(path), block.line - 1)
    test.globs = variables  # get_doctest copies them
    report: list[str] = []
    runner = doctest.DocTestRunner(_NearlyEqual(), optionflags=FLAGS)
    assert not runner.run(test, out=report.append, clear_globs=False).failed, "".join(report)
