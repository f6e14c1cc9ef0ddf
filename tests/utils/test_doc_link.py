"""Links from the diagrams of estimators, and the descriptions of their parameters there."""

from __future__ import annotations

import inspect
import re

import pytest
from estimators import RECOMMENDERS
from sklearn.utils._repr_html.common import get_docstring

from sklearn_recsketch import InteractionThresholder, SideFeatureEncoder
from sklearn_recsketch.model_selection import EpochSearchCV
from sklearn_recsketch.spark import SparkWRMFRecommender

PAGES = {
    **{cls: f"sklearn_recsketch.{cls.__name__}" for cls in (*RECOMMENDERS, InteractionThresholder, SideFeatureEncoder)},
    EpochSearchCV: "sklearn_recsketch.model_selection.EpochSearchCV",
    SparkWRMFRecommender: "sklearn_recsketch.spark.SparkWRMFRecommender",
}
each_class = pytest.mark.parametrize("cls", PAGES, ids=lambda cls: cls.__name__)


@each_class
def test_the_link_is_that_of_the_public_name(cls):
    link = cls.__new__(cls)._get_doc_link()  # some constructors have required parameters
    assert link == f"https://sklearn-recsketch.github.io/sklearn-recsketch/generated/{PAGES[cls]}.html"


@each_class
def test_every_parameter_has_a_description_of_its_own(cls):
    parameters = list(inspect.signature(cls).parameters)
    assert [name for name in parameters if get_docstring(cls, "Parameters", name) is None] == []
    assert [name for name in parameters if not re.search(f"^    {name} : ", cls.__doc__, re.MULTILINE)] == []


def test_the_diagram_links_to_the_documentation():
    links = re.findall(r'href="([^"#]*)', RECOMMENDERS[0]()._repr_html_())
    assert {link.split("/generated")[0] for link in links} == {"https://sklearn-recsketch.github.io/sklearn-recsketch"}
