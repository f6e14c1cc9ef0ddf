"""Changes of single places in Python source code, for `mutants.py`. The rest of the file stays as it is."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

COMPARISONS = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
NAMES = {"min": "max", "minimum": "maximum", "argmin": "argmax", "any": "all", "floor": "ceil", "zeros": "ones"}
NAMES |= {new: old for old, new in NAMES.items()}
# Constants that only affect speed or memory, as "file.name", and such parameters.
SPEED = {"_bpr_steps.AHEAD", "_warp_steps.AHEAD", "_pairs.BLOCK", "_topk.TILE", "_topk.BLOCK", "_topk.LANE, PART"}
SPEED |= {"_als.WIDTH", "_jit.CACHE_LINE", "_prefetch._LINE", "_membership.BITS_PER_PAIR", "ids.FEW", "id_stream.ROWS"}
SPEED |= {"parquet_files.STREAMING"}
SPEED_PARAMETERS = {"nogil", "cache", "forceinline"}


@dataclass(frozen=True)
class Mutation:
    """A change of the source code between two positions in bytes."""

    kind: str
    begin: int
    end: int
    text: str
    change: str  # what is shown
    label: str  # line, and number among the mutations of the line

    def apply(self, source: bytes) -> bytes:
        return source[: self.begin] + self.text.encode() + source[self.end :]


def mutations_of(source: bytes, stem: str) -> list[Mutation]:
    """Return all mutations of a file, in order. `stem` is its name without the ending."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: list[Mutation] = []
    numbers: Counter[int] = Counter()
    for node, kind, text in _visit(ast.parse(source), stem):
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        old = " ".join(source[begin:end].decode().split())
        new = Mutation(kind, begin, end, text, f"{_short(old)} → {_short(' '.join(text.split()))}", str(node.lineno))
        if all(text != one.text or begin != one.begin for one in found):
            found.append(replace(new, label=f"{node.lineno}:{numbers[node.lineno]}"))
            numbers[node.lineno] += 1
    return found


def _short(code: str) -> str:
    return code if len(code) <= 90 else f"{code[:45]} ... {code[-40:]}"


def _is_skipped(node: ast.AST, stem: str) -> bool:
    match node:
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom() | ast.keyword(arg="stacklevel"):
            return True
        case ast.FunctionDef(name=name) | ast.Call(func=ast.Name(id=name)) if "prefetch" in name or name == "_touch":
            return True
        case ast.For(body=body) if all(_is_skipped(getattr(one, "value", one), stem) for one in body):
            return True
        case ast.Assign(targets=[target]):
            return ast.unparse(target) == "__all__" or f"{stem}.{ast.unparse(target).strip('()')}" in SPEED
        case ast.keyword(arg=name):
            return name in SPEED_PARAMETERS
    return False


def _visit(node: ast.AST, stem: str) -> Iterator[tuple[ast.AST, str, str]]:
    if _is_skipped(node, stem):
        return
    yield from _changes(node)
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "ctx"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _visit(child, stem)


def _changes(node: ast.AST) -> Iterator[tuple[ast.AST, str, str]]:
    """Yield the node to replace, the kind of the change and the new code, for each change of a node."""

    def changed(**fields):
        new = copy.copy(node)
        for name, value in fields.items():
            setattr(new, name, value)
        code = ast.unparse(ast.fix_missing_locations(new))
        return code if isinstance(node, ast.stmt) else f"({code})"

    match node:
        case ast.Compare(ops=ops):
            for place, old in enumerate(ops):
                for number, new in enumerate(COMPARISONS[type(old)]):
                    kind = "boundary" if number == 0 and len(COMPARISONS[type(old)]) > 1 else "comparison"
                    yield node, kind, changed(ops=[*ops[:place], new(), *ops[place + 1 :]])
        case ast.BinOp(op=op) | ast.AugAssign(op=op):
            if type(op) in OPERATORS:
                yield node, "arithmetic", changed(op=OPERATORS[type(op)]())
        case ast.BoolOp(op=op):
            yield node, "and/or", changed(op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield node, "not" if isinstance(node.op, ast.Not) else "arithmetic", f"({ast.unparse(operand)})"
        case ast.Constant(value=bool(value)):
            yield node, "constant", str(not value)
        case ast.Constant(value=int(value)):
            yield node, "constant", str(value + 1)
            yield node, "constant", f"({value - 1})"
        case ast.Constant(value=float(value)):
            yield node, "constant", str(value + 1)
        case ast.Name(id=name) if name in NAMES:
            yield node, "min/max", NAMES[name]
        case ast.Attribute(value=value, attr=name) if name in NAMES:
            yield node, "min/max", f"{ast.unparse(value)}.{NAMES[name]}"
        case ast.Slice(lower=lower, upper=upper):
            for bound in (lower, upper):
                if bound is not None and not isinstance(bound, ast.Constant):
                    yield bound, "slice", f"({ast.unparse(bound)} + 1)"
        case ast.Raise():
            yield node, "raise", "pass"
        case ast.Continue() | ast.Break() | ast.Delete():
            yield node, "statement", "pass"
        case ast.Expr(value=value) if not isinstance(value, ast.Constant | ast.Yield | ast.YieldFrom):
            if not (isinstance(value, ast.Call) and "prefetch" in ast.unparse(value.func)):
                yield node, "statement", "pass"
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield node, "statement", "pass"
    if isinstance(node, ast.AugAssign):
        yield node, "statement", "pass"
