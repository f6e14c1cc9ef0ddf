"""Say in plain sentences why a request is invalid."""

from __future__ import annotations

import json
from typing import Any

from fastapi.exceptions import RequestValidationError

from recommendation_service.messages import RULES

MAX_SENTENCES = 3
MAX_SHOWN = 60
EXAMPLE = '{"user": 7}'


def why_invalid(error: RequestValidationError) -> str:
    """Return a sentence for each of the first invalid values of a request."""
    # An id may be an integer or a string, so an invalid one has two errors, which result in the same sentence.
    sentences = list(dict.fromkeys(_sentence(problem) for problem in error.errors()))
    n_more = len(sentences) - MAX_SENTENCES
    return " ".join([*sentences[:MAX_SENTENCES], *([f"Other errors: {n_more}."] if n_more > 0 else [])])


def received(value: Any) -> str:
    """Describe a value in ASCII, because an answer cannot represent all values, such as NaN."""
    if isinstance(value, list):
        return f"a list of length {len(value)}"
    if isinstance(value, dict):
        return "an object"
    shown = json.dumps(value)
    if len(shown) <= MAX_SHOWN:
        return shown
    return f"a {'string' if isinstance(value, str) else 'number'} of {len(str(value))} characters"


def _sentence(problem: Any) -> str:
    kind, value = problem["type"], problem["input"]
    if kind == "value_error":  # raised by our own code
        return str(problem["ctx"]["error"])
    if kind == "json_invalid":
        return f"The body is not valid JSON: {problem['ctx']['error']} at character {problem['loc'][1] + 1}."
    if len(problem["loc"]) == 1:
        got = "nothing" if kind == "missing" else received(value)
        return f"The body must be a JSON object, such as {EXAMPLE}, got {got}."
    name, *rest = problem["loc"][1:]
    position = next((part for part in rest if isinstance(part, int)), None)
    place, of_list = (name, "") if position is None else (f"{name}[{position}]", "[]")
    rule = RULES.get(f"{name}{of_list}")
    if rule is None:
        return f"{place}: {problem['msg']}."
    if kind == "missing":
        return f"{place} is missing. It must be {rule}."
    return f"{place} must be {rule}, got {received(value)}."
