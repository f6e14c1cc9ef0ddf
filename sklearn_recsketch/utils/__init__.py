"""Utilities below all other folders: threads, clusters, files, HTTP, and the private names of scikit-learn in use."""
