"""Check the number of iterations that Spark would run without a checkpoint."""

from __future__ import annotations

__all__ = ["check_lineage"]

# Maximum number of iterations without a checkpoint. The default JVM stack of 1 MiB overflows at 18 or even earlier.
LONGEST_LINEAGE = 10


def check_lineage(max_iter: int, checkpoint_interval: int, checkpoint_dir: str | None) -> None:
    """Raise a ValueError if too many consecutive iterations would run without a checkpoint.

    A Spark task contains the steps of all iterations since the last checkpoint. Spark deserializes these steps
    recursively, which may cause a stack overflow.
    """
    without_checkpoints = checkpoint_dir is None or checkpoint_interval < 0
    longest = max_iter if without_checkpoints else min(max_iter, checkpoint_interval)
    if longest > LONGEST_LINEAGE:
        raise ValueError(
            f"max_iter={max_iter} with checkpoint_interval={checkpoint_interval} and "
            f"{'no' if checkpoint_dir is None else 'a'} checkpoint directory means {longest} iterations without a "
            f"checkpoint. Spark processes may crash by a stack overflow after more than {LONGEST_LINEAGE}. Call "
            f"spark.sparkContext.setCheckpointDir(...) before fit, and set checkpoint_interval to a value between "
            f"1 and {LONGEST_LINEAGE}."
        )
