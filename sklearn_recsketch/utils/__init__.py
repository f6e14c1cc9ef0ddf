"""Validation, ids, threads and the few private scikit-learn names in use."""
