"""Search over parameters and the number of epochs."""
