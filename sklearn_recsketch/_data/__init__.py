"""Validate tables of ids, and convert them to integer codes and sparse matrices."""
