"""Convert models from other libraries to recommenders, and recommenders to models of other libraries."""

from sklearn_recsketch.conversion._implicit import from_implicit, to_implicit
from sklearn_recsketch.conversion._lightfm import from_lightfm

__all__ = ["from_implicit", "from_lightfm", "to_implicit"]
