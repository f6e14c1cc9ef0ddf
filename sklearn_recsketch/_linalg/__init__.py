"""Products of dense and sparse matrices, computed by a thread pool."""
