"""A model of made-up data with titles and tags, for a first look at the service."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from sklearn_recsketch import SideFeatures, WRMFRecommender, save_model
from sklearn_recsketch.datasets import make_interactions

THINGS = """
    ship castle dragon robot tree lantern tower guitar train bridge helmet fish lighthouse sword bicycle owl temple
    camera fox kettle rocket violin windmill mask
""".split()  # noqa: SIM905
STYLES = """
    wooden low-poly medieval rusty neon ancient tiny painted frozen golden steampunk haunted paper glass stone
    futuristic
""".split()  # noqa: SIM905


def save_made_up_model(
    folder: Path, n_users: int = 2000, n_items: int = 600, random_state: int = 0
) -> tuple[Path, Path]:
    """Fit a model on made-up interactions with tags. Return the paths of the model file and of the titles."""
    X, y, numbered = make_interactions(
        n_users, n_items, n_tags=len(STYLES + THINGS), tags_per_item=3, return_features=True, random_state=random_state
    )
    # The generated tags are called t0, t1 and so on. Words make them readable.
    names = dict(zip((f"t{n}" for n in range(len(STYLES + THINGS))), _mixed(THINGS, STYLES), strict=True))
    tags = {
        id: [names[value] for value in numbered.values[numbered.matrix[[row]].indices]]
        for row, id in enumerate(numbered.ids.tolist())
    }
    features = SideFeatures.from_dicts({id: {"tag": words} for id, words in tags.items()})
    recommender = WRMFRecommender(32, random_state=random_state).fit(X, y, item_features=features)
    model, titles = folder / "model.skrec", folder / "titles.json"
    titles.write_text(json.dumps(_titles(tags), indent=1), encoding="utf-8")
    save_model(recommender, model)
    return model, titles


def _mixed(things: list[str], styles: list[str]) -> list[str]:
    """Return three things, two styles, three things, and so on, because the first tags are the most popular ones."""
    words = []
    for n in range(len(things) // 3):
        words += things[3 * n : 3 * n + 3] + styles[2 * n : 2 * n + 2]
    return words


def _titles(tags: dict[int, list[str]]) -> dict[int, str]:
    """Return a title for each item, such as "Wooden violin with owl", from its rarest tags."""
    counts = Counter(word for words in tags.values() for word in words)
    titles: dict[int, str] = {}
    seen: Counter[str] = Counter()
    for id, words in tags.items():
        rarest_first = sorted(words, key=counts.__getitem__)
        styles = [word for word in rarest_first if word in STYLES]
        things = [word for word in rarest_first if word in THINGS] or ["sculpture"]
        title = " ".join([*styles[:1], *things[:1], *(f"with {thing}" for thing in things[1:2])]).capitalize()
        seen[title] += 1
        titles[id] = title if seen[title] == 1 else f"{title} {seen[title]}"
    return titles
