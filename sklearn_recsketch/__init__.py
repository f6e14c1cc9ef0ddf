"""Recommenders for implicit feedback that are scikit-learn estimators."""

from importlib import import_module
from typing import Any

from sklearn_recsketch._persistence.model_files import load_model, save_model
from sklearn_recsketch.preprocessing import InteractionThresholder, SideFeatureEncoder, SideFeatures
from sklearn_recsketch.recommenders import (
    BPRRecommender,
    EASERecommender,
    ItemKNNRecommender,
    PopularityRecommender,
    WARPRecommender,
    WRMFRecommender,
)
from sklearn_recsketch.utils._show_versions import show_versions

__version__ = "0.1.0"

__all__ = [
    "BPRRecommender",
    "EASERecommender",
    "InteractionThresholder",
    "ItemKNNRecommender",
    "PopularityRecommender",
    "SideFeatureEncoder",
    "SideFeatures",
    "WARPRecommender",
    "WRMFRecommender",
    "load_model",
    "save_model",
    "show_versions",
]

SUBPACKAGES = (
    "base",
    "conversion",
    "datasets",
    "exceptions",
    "inspection",
    "metrics",
    "model_selection",
    "preprocessing",
    "recommenders",
    "serving",
    "spark",
    "typing",
    "utils",
)


def __getattr__(name: str) -> Any:
    """Import subpackages on first access, because not every user needs all of them."""
    if name in SUBPACKAGES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *SUBPACKAGES, "__version__"})
