"""Functions that fit candidates on folds in threads, in processes or on a cluster."""
