"""Fuzz targets by name."""

from fuzz.targets.features import SideFeatureForms
from fuzz.targets.tables import Tables
from fuzz.targets.text_tables import Features, Likes

TARGETS = {target.name: target for target in (Likes, Features, Tables, SideFeatureForms)}

__all__ = ["TARGETS"]
