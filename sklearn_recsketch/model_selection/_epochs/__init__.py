"""Search over hyperparameters and the number of epochs."""
