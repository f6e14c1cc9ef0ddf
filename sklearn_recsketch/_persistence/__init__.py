"""Save models to files without pickle, and load them."""
