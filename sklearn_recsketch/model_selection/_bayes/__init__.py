"""Bayesian search over hyperparameters."""
