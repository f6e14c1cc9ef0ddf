"""Validation of tables of ids, and their conversion to integer codes and sparse matrices."""
