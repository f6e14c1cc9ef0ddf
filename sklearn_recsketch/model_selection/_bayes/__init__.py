"""Bayesian search."""
