"""Numbers, durations and parameters in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

MISSING = "\N{EN DASH}"


def number(value: Any) -> str:
    """Three significant digits; integers in full, with commas."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if not isinstance(value, float | np.floating):
        return str(value)
    if not np.isfinite(value):
        return MISSING
    if abs(value) >= 999.5:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def duration(seconds: float) -> str:
    """Seconds with one or two significant digits, minutes above two of them."""
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    if seconds >= 9.95:
        return f"{seconds:.0f} s"
    return f"{max(seconds, 0.01):.1g} s" if seconds < 0.95 else f"{seconds:.1f} s"


def with_error(mean: float, error: float) -> str:
    """A mean with its standard error, rounded to the same place."""
    return f"{mean:.3f} ± {error:.3f}"


def listed(names: Iterable[Any]) -> str:
    """Join names by commas, and the last two by 'and'."""
    names = [str(name) for name in names]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def capitalized(text: str) -> str:
    """The text with a capital first letter, and the other letters unchanged."""
    return text[:1].upper() + text[1:]


def parameter_table(found: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row per parameter and one column per model; parameters that were not searched are left blank."""
    names = list(dict.fromkeys(name for parameters in found.values() for name in parameters))
    rows = []
    for name in names:
        label = name.replace("item_encoder__", "")
        row = {"parameter": label}
        for model, parameters in found.items():
            row[model] = number(parameters[name]) if name in parameters else MISSING
        rows.append(row)
    return pd.DataFrame(rows)
