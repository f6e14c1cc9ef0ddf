"""Data of the demo: files, or made-up likes whose users, items and tags have names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sklearn_recsketch import SideFeatures
from sklearn_recsketch.datasets import load_features, load_likes, make_interactions

# One word per tag of the made-up data, in random order of their popularity.
TAGS = """
    castle robot dragon ship tower forest sword knight house car train plane rocket planet temple bridge statue mask
    helmet shield lamp chair table sofa clock bottle teapot cup bowl vase coin crown ring chest barrel lantern candle
    book scroll map compass anchor canoe wagon bicycle tractor tank submarine drone satellite telescope camera guitar
    piano drum violin trumpet skull fossil dinosaur shark whale octopus crab turtle frog snake lizard eagle owl raven
    swan horse deer wolf fox bear lion tiger elephant giraffe rabbit mouse cat dog cactus mushroom flower tree rock
    crystal volcano island waterfall cave windmill lighthouse fountain ruin pyramid
""".split()  # noqa: SIM905
# Each first name with each initial is a user.
FIRST_NAMES = """
    Aisha Alan Alma Amir Ana Anders Anna Antonio Arjun Astrid Ayumi Beatriz Ben Bianca Bruno Carla Carlos Cem Chen Chloe
    Clara Daniel David Dilek Dmitri Ebba Eduardo Elena Elif Emil Emma Eva Farid Fatima Felix Fiona Frida Gabriel Georg
    Gita Grace Hana Hannah Hassan Hugo Ida Irene Ingrid Isaac Ivan Jack Jana Javier Jin Johan Jonas Jose Julia Kai Karim
    Kate Kenji Lars Laura Layla Lea Leo Lina Linh Louis Lucia Luis Maja Malik Marco Maria Marta Max Mei Mia Milan Mina
    Nadia Nico Nina Noah Nora Olga Oliver Omar Oscar Paula Pedro Petra Priya Rafael Rania Ravi Rosa Ruth Sam Samira Sara
    Selma Simon Sofia Sven Tara Theo Tom Uma Vera Victor Viktoria Wei Yara Yusuf Zoe Zara Zeynep
""".split()  # noqa: SIM905
INITIALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class DemoData:
    """Likes, with what is known about the items.

    Attributes
    ----------
    title : str
        Where the likes come from.
    likes : DataFrame
        Users and items.
    tags : SideFeatures or None
        Features of the items.
    names : Series or None
        Titles by item id. None if there are none, or if they are equal to the ids.
    """

    title: str
    likes: pd.DataFrame
    tags: SideFeatures | None
    names: pd.Series | None

    def name(self, item: Any) -> str:
        """Title of an item, or its id if it has none."""
        return str(item if self.names is None else self.names.get(item, item))

    def tags_of(self, item: Any) -> list[str]:
        """Names of the features of an item."""
        if self.tags is None:
            return []
        row = np.flatnonzero(self.tags.ids == item)
        return self.tags.feature_names()[self.tags.matrix[row].indices].tolist()

    def carriers(self, tag: str) -> set[Any]:
        """Ids of the items that have a feature."""
        assert self.tags is not None
        column = self.tags.feature_names().tolist().index(tag)
        return set(self.tags.ids[self.tags.matrix[:, [column]].toarray().ravel() > 0])


def tag_name(tag: str) -> str:
    """The value of a feature without its type."""
    return tag.partition("=")[2] or tag


def read_files(likes_path: str, features_path: str | None) -> DemoData:
    """Read likes and, optionally, features from pipe-separated files."""
    likes = load_likes(likes_path)
    print(f"{likes.n_duplicates} exact duplicate rows dropped")
    tags = None if features_path is None else load_features(features_path)
    named = likes.names is not None and not (likes.names.index == likes.names).all()
    path = Path(likes_path)
    return DemoData(f"{path.parent.name}/{path.name}", likes.data, tags, likes.names if named else None)


def make_named_likes(n_users: int, n_items: int, seed: int) -> DemoData:
    """Made-up likes whose users have first names, and whose items are named after their tags."""
    X, _, numbered = make_interactions(n_users, n_items, n_tags=len(TAGS), return_features=True, random_state=seed)
    rng = np.random.default_rng(seed)
    words = dict(zip((f"tag=t{n}" for n in range(len(TAGS))), rng.permutation(TAGS), strict=True))
    entries = numbered.matrix.tocoo()
    tagged = pd.DataFrame(
        {
            "item": numbered.ids[entries.row],
            "type": "tag",
            "value": [words[name] for name in numbered.feature_names()[entries.col]],
        }
    )
    users = rng.permutation([f"{first} {initial}." for first in FIRST_NAMES for initial in INITIALS])
    if n_users > len(users):
        raise ValueError(f"There are names for {len(users)} users, got n_users={n_users}.")
    X["user"] = users[X["user"]]
    # Frequent tags describe little: an item is named after its rarest one, with the next rarest one before it.
    frequency = tagged["value"].value_counts()
    rarest = tagged.assign(n=tagged["value"].map(frequency)).sort_values(["n", "value"]).groupby("item")["value"]
    titles = rarest.apply(lambda values: " ".join([*values.iloc[1:2], *values.iloc[:1]]))
    names = pd.Series({item: f"{title.capitalize()} {item}" for item, title in titles.items()})
    tags = SideFeatures.from_long(tagged, id="item")
    return DemoData("made-up likes of 3D models, generated with a seed", X, tags, names)
