"""Parts of the demo: names of the made-up data, wording of numbers, choice of the winner, order of the report."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from contest import Finalist, Verdict
from demo_data import make_named_likes, tag_name
from report import Report
from summary import comparison_table, shown_users, tag_effects
from wording import duration, listed, number, parameter_table


@pytest.mark.parametrize(
    "value, text",
    [(0.21013, "0.210"), (12.345, "12.3"), (123.4, "123"), (1234.5, "1,234"), (2796, "2,796"), (True, "yes"),
     (np.float32(0.5), "0.500"), ("cat", "cat"), (0.0, "0.00")],
)  # fmt: skip
def test_numbers_have_three_digits(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    "seconds, text",
    [(0.001, "0.01 s"), (0.4321, "0.4 s"), (3.21, "3.2 s"), (12.3, "12 s"), (119, "119 s"), (150, "2 min")],
)
def test_durations_have_one_or_two_digits(seconds, text):
    assert duration(seconds) == text


def test_lists_are_joined_as_in_a_sentence():
    assert [listed([]), listed("a"), listed("ab"), listed("abc")] == ["", "a", "a and b", "a, b and c"]


def test_parameters_are_a_table_with_a_row_per_parameter():
    table = parameter_table({"A": {"alpha": 1.5}, "B": {"item_encoder__norm": "l1", "alpha": 2}})
    assert table["parameter"].tolist() == ["alpha", "norm"]
    assert table["A"].tolist() == ["1.50", "\N{EN DASH}"]
    assert table["B"].tolist() == ["2", "l1"]


@pytest.fixture(scope="module")
def named():
    return make_named_likes(n_users=200, n_items=60, seed=0)


def test_items_are_named_after_their_tags(named):
    for item, title in named.names.items():
        words, id = title.lower().split()[:-1], title.split()[-1]
        assert id == str(item)
        assert set(words) <= {tag_name(tag) for tag in named.tags_of(item)}


def test_users_have_names_that_tell_them_apart(named):
    assert named.likes["user"].nunique() == 200
    assert named.likes["user"].str.fullmatch(r"[A-Z][a-z]+ [A-Z]\.").all()


def test_the_names_depend_on_the_seed_alone(named):
    pd.testing.assert_frame_equal(make_named_likes(200, 60, 0).likes, named.likes)


def test_shown_users_are_chosen_by_their_number_of_likes(named):
    counts = named.likes["user"].value_counts()
    few, median, many = (counts[user] for _, user in shown_users(named.likes))
    assert few < median < many
    assert median == pytest.approx(counts.median(), abs=1)


@pytest.fixture
def verdict():
    """The model that is best on the validation rows is not the best one on the test rows."""
    users = pd.Index(range(4), name="user")
    values = {"popularity": [0.0, 0.0, 0.2, 0.0], "A": [0.2, 0.4, 0.4, 0.2], "A with tags": [0.4, 0.6, 0.6, 0.4]}
    finalists = [Finalist(name, None, None, score) for name, score in zip(values, [0.1, 0.3, 0.2])]
    tables = {name: pd.DataFrame({"precision@5": v, "ndcg@10": v}, index=users) for name, v in values.items()}
    return Verdict(finalists, tables, dict.fromkeys(values, 0.4))


def test_the_winner_is_chosen_by_validation_and_not_by_the_test(verdict):
    assert verdict.winner.name == "A"
    assert verdict.runner_up.name == "A with tags"


def test_differences_are_those_of_the_same_users(verdict):
    mean, error = verdict.difference("A with tags", "A")
    assert mean == pytest.approx(0.2)
    assert error == pytest.approx(0, abs=1e-12)  # the difference of each user is 0.2


def test_the_comparison_has_standard_errors(verdict):
    table = comparison_table(verdict)
    assert table["model"].tolist() == ["A", "A with tags", "popularity"]
    assert table["test precision@5"].str.contains(" ± ").all()
    assert table["fit"].tolist() == ["0.4 s"] * 3


def test_the_effect_of_tags_is_stated_with_its_direction(verdict):
    (text,) = tag_effects(verdict)
    assert "A by +1.00 ± 0.00 (better)" in text
    verdict.values["A with tags"] -= 0.4
    assert "A by -1.00 ± 0.00 (worse)" in tag_effects(verdict)[0]


def test_the_first_section_of_the_report_is_the_summary(tmp_path):
    report = Report("title", "subtitle")
    report.section("Details", "")
    report.section("Summary", "", first=True)
    report.paragraph("<finding>")
    page = report.save(tmp_path, seconds=1).read_text(encoding="utf-8")
    assert page.index("Summary") < page.index("&lt;finding&gt;") < page.index("Details")
