"""Save and load a model file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import joblib


def save_model(recommender: Any, path: Path) -> None:
    temporary = Path(f"{path}.tmp")
    joblib.dump(recommender, temporary)
    os.replace(temporary, path)


def load_model(path: Path, *, mmap_mode: str | None = None) -> Any:
    return joblib.load(path, mmap_mode=mmap_mode)
