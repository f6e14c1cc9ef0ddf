"""Fuzz targets by name."""

from fuzz.targets.checkpoints import Checkpoints
from fuzz.targets.features import SideFeatureForms
from fuzz.targets.index_folders import IndexFolders
from fuzz.targets.model_files import ModelFiles
from fuzz.targets.parameters import Parameters
from fuzz.targets.parquet_folders import ParquetFolders
from fuzz.targets.queries import Queries
from fuzz.targets.tables import Tables
from fuzz.targets.text_tables import Features, Likes

TARGETS = {
    target.name: target
    for target in (
        Likes,
        Features,
        Checkpoints,
        ParquetFolders,
        IndexFolders,
        ModelFiles,
        Tables,
        SideFeatureForms,
        Queries,
        Parameters,
    )
}

__all__ = ["TARGETS"]
