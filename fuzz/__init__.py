"""Fuzz tests of everything that reads files or values of the caller. Run them with ``python -m fuzz``."""
