"""Utilities that do not depend on the rest of the package, for example for threads, files and HTTP requests."""
