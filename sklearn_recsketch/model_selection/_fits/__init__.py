"""Fits of candidates on folds, in processes or on a cluster."""
