"""How tests look at side features."""


def entries(features):
    """All values, by id and name of column."""
    coo, names = features.matrix.tocoo(), features.feature_names()
    places = zip(coo.row, coo.col, coo.data, strict=True)
    return {(features.ids[row], names[column]): float(value) for row, column, value in places}
