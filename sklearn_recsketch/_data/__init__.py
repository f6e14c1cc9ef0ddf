"""From tables of ids to coded, summed matrices."""
