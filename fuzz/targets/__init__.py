"""Fuzz targets by name."""

from fuzz.targets.text_tables import Features, Likes

TARGETS = {target.name: target for target in (Likes, Features)}

__all__ = ["TARGETS"]
