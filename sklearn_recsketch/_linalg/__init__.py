"""Products of dense and sparse matrices over a pool of threads."""
