"""Checks of single parameters."""

import numpy as np
import pytest

from sklearn_recsketch.utils._validation import check_integer, is_integer


@pytest.mark.parametrize("value", [1, 7, np.int64(1), np.uint8(3), 2**70])
def test_integers_of_at_least_one_pass(value):
    assert is_integer(value)
    assert check_integer(value, "k") == value and type(check_integer(value, "k")) is int


@pytest.mark.parametrize("value", [0, -1, 1.0, "1", None, True, np.bool_(True), np.float64(2), [1]])
def test_other_values_raise(value):
    assert not is_integer(value)
    with pytest.raises(ValueError, match="k must be an int of at least 1, got"):
        check_integer(value, "k")


def test_the_least_value_is_a_parameter():
    assert check_integer(0, "n_labels", least=0) == 0
    with pytest.raises(ValueError, match="base must be an int of at least 2, got 1"):
        check_integer(1, "base", least=2)
