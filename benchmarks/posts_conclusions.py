"""Conclusions of Ethan Rosenthal's two posts (2016), compared with the results of `benchmarks/posts.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

YES, NO, UNCLEAR = "yes", "no", "not clear"
CLEAR = 2.0  # standard errors
N_RANDOM = 10  # trials of a forest search before the forest proposes some


def conclusions(kept: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Conclusions of the posts, what was found here, and whether they hold."""
    yield from of_als(kept)
    yield from of_both(kept)
    yield from of_tags(kept)


def of_als(kept: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    curve = kept["best_curve"]["precision test"].to_numpy()
    last = curve[-1] / curve.max()
    yield (
        "Precision of the best ALS setting hardly falls after its best epoch, so that early stopping needs no care.",
        f"After the last epoch, precision is {last:.0%} of the best.",
        YES if last > 0.95 else NO,
    )
    scores = best_scores(kept["grid"]["search"])
    yield (
        "Parameters make a definite difference.",
        f"The best of {len(scores)} settings has {scores.max():.4f}, the median setting {np.median(scores):.4f} and "
        f"the worst {scores.min():.4f}.",
        YES if np.median(scores) < 0.9 * scores.max() else NO,
    )
    found = kept["grid"]["search"].cv_results_
    fitting = sum(last_of_each(found, "mean_fit_time")) / kept["grid"]["seconds"]
    yield (
        "Computing the metrics takes longer than training.",
        f"Training takes {fitting:.0%} of the time of the grid.",
        YES if fitting < 0.5 else NO,
    )


def of_both(kept: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    default, warp, bpr = (f"{name}, defaults" for name in ("ALS", "WARP", "BPR"))
    yield (
        "Out of the box, ALS is hard to beat.",
        *compare(kept, default, warp, "as posted"),
    )
    yield (
        "The same by another definition.",
        *compare(kept, default, warp, "unseen items"),
    )
    yield (
        "WARP is usually better than BPR.",
        *compare(kept, warp, bpr, "unseen items"),
    )
    yield (
        "With enough tuning, WARP beats ALS.",
        *compare(kept, "WARP, best of the search", "ALS, best of the grid", "as posted"),
    )
    rates = kept["learning_rates"]
    precision = rates["unseen items"]
    worst, best = (rates.loc[index] for index in (precision.idxmin(), precision.idxmax()))
    yield (
        "With a poor learning rate, WARP learns nothing.",
        f"Unseen items: precision is {worst['unseen items']:.4f} at learning rate {worst['learning rate']:g}, and "
        f"{best['unseen items']:.4f} at {best['learning rate']:g}.",
        YES if worst["unseen items"] < 0.2 * best["unseen items"] else NO,
    )
    als, random = best_scores(kept["grid"]["search"]), random_trials(kept["forest"]["search"])
    half = 0.5 * max(als.max(), kept["forest"]["search"].best_score_)
    yield (
        "ALS is more forgiving than WARP if parameters are a bit off.",
        f"As posted: {np.mean(als >= half):.0%} of the ALS settings reach half of the best precision, and "
        f"{np.mean(random >= half):.0%} of the {len(random)} random trials of WARP.",
        YES if np.mean(als >= half) > np.mean(random >= half) else NO,
    )


def of_tags(kept: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    worse, verdict = compare(kept, "WARP, best of the search", "WARP, best of the search with tags", "as posted")
    yield "Tags make the precision of WARP worse.", worse, verdict
    models = kept["models"].set_index("model")
    slower = models.loc["ALS, defaults, with tags", "processor"] / models.loc["ALS, defaults", "processor"]
    yield (
        "ALS with side features does not scale.",
        f"A fit of ALS with tags takes {slower:.1f} times the processor time of one without.",
        YES if slower > 5 else NO,
    )
    sorted_tags = kept["sorted_tags"]
    top, share = sorted_tags["top 5"].mean(), sorted_tags["all"].mean()
    yield (
        "Items can be sorted by their similarity to a tag.",
        f"Of the 5 items nearest to each of the {len(sorted_tags)} most frequent tags, {top:.0%} have the tag; of all "
        f"items, {share:.1%}.",
        YES if top > 0.5 and top > 2 * share else NO,
    )
    new = kept["new_items"]
    yield (
        "Side features help with new items.",
        f"Recall at 20 of ALS among items without any like is {new['recall']:.3f} ± {new['error']:.3f}, and "
        f"{new['chance']:.3f} by chance.",
        YES if new["recall"] - new["chance"] > CLEAR * new["error"] else NO,
    )


def compare(kept: dict[str, Any], better: str, worse: str, column: str) -> tuple[str, str]:
    """Precision of two models, and whether the first one is better. Errors are those of independent samples."""
    models = kept["models"].set_index("model")
    first, second = models.loc[better], models.loc[worse]
    difference = first[column] - second[column]
    error = np.hypot(first[f"{column}, error"], second[f"{column}, error"])
    verdict = UNCLEAR if abs(difference) <= CLEAR * error else YES if difference > 0 else NO
    capitalized = {"as posted": "As posted", "unseen items": "Unseen items"}
    text = "; ".join(f"{row.name}: {row[column]:.4f} ± {row[f'{column}, error']:.4f}" for row in (first, second))
    return f"{capitalized[column]}: {text}.", verdict


def last_of_each(found: dict[str, Any], column: str) -> list[float]:
    """Value of a column at the last scored checkpoint of each candidate."""
    last: dict[str, float] = {}
    for params, value, score in zip(found["params"], found[column], found["mean_test_score"], strict=True):
        if np.isfinite(score):
            last[candidate(params)] = value
    return list(last.values())


def best_scores(search: Any) -> np.ndarray:
    """Best score of each candidate over its checkpoints."""
    best: dict[str, float] = {}
    for params, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
        if np.isfinite(score):
            best[candidate(params)] = max(score, best.get(candidate(params), 0.0))
    return np.array(list(best.values()))


def random_trials(search: Any) -> np.ndarray:
    """Scores of the random trials at the beginning of a search."""
    return np.nan_to_num(np.asarray(search.cv_results_["mean_test_score"], dtype=float)[:N_RANDOM])


def candidate(params: dict[str, Any]) -> str:
    """Parameters other than the number of epochs, as a key."""
    return shown_parameters({name: value for name, value in params.items() if name != "max_iter"})


def shown_parameters(params: dict[str, Any]) -> str:
    """Parameters in words, with three digits."""
    return ", ".join(f"{name} {value:.3g}" for name, value in sorted(params.items()))
