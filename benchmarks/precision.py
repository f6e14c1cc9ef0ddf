"""Precision@5 of WRMF, WARP, implicit and LightFM at equal settings, over several splits.

    python benchmarks/precision.py [--likes likes.psv] [--splits 5]

After 5/5 thresholding, 5 items are held out for 20 % of the users. The same code evaluates all models: the factors of
the other libraries are copied to a recommender of this package. Requires the extra [bench].
"""

from __future__ import annotations

import argparse

import contestants
import pandas as pd
from common import DATA, Trained, machine, markdown, publish, with_factors

from sklearn_recsketch import PopularityRecommender, WARPRecommender, WRMFRecommender
from sklearn_recsketch.datasets import load_likes
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit
from sklearn_recsketch.preprocessing import describe_interactions, threshold_interactions

THREADS, K = 2, 128
ALS = {"alpha": 50, "regularization": 10}


def models(train: pd.DataFrame, seed: int) -> dict[str, tuple[object, list[float]]]:
    """Return fitted models and the seconds of their epochs."""
    ours = {"n_components": K, "n_jobs": THREADS, "random_state": seed}
    wrmf = WRMFRecommender(max_iter=15, **ALS, **ours)
    warp = WARPRecommender(**ours)
    seconds = {"WRMF": contestants.ours(wrmf, train).seconds, "WARP": contestants.ours(warp, train).seconds}
    matrix = contestants.plain_csr(wrmf.interactions_)
    implicit = contestants.implicit_als(matrix, K, THREADS, 15, seed=seed, **ALS)
    # A step shrinks vectors by the rate times alpha in LightFM, and by twice the rate times our penalty of |w|^2.
    lightfm = contestants.lightfm(matrix, K, THREADS, 60, "warp", seed, user_alpha=2e-4, item_alpha=2e-4)

    def shell(recommender, trained: Trained):
        return with_factors(recommender(K, max_iter=1, n_jobs=THREADS).fit(train), trained)

    return {
        "popularity": (PopularityRecommender().fit(train), []),
        "WRMF": (wrmf, seconds["WRMF"]),
        "implicit": (shell(WRMFRecommender, implicit), implicit.seconds),
        "WARP": (warp, seconds["WARP"]),
        "LightFM": (shell(WARPRecommender, lightfm), lightfm.seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--likes", default=str(DATA / "citeulike-a/likes.psv"))
    parser.add_argument("--splits", type=int, default=5)
    arguments = parser.parse_args()
    X = threshold_interactions(load_likes(arguments.likes).data)
    rows = []
    for seed in range(arguments.splits):
        train, test = next(UserHoldoutSplit(random_state=seed).split(X))
        for name, (model, seconds) in models(X.iloc[train], seed).items():
            scores = [
                make_ranking_scorer("precision@5", exclude_seen=exclude)(model, X.iloc[test])
                for exclude in (True, False)
            ]
            rows.append((name, *scores, sum(seconds)))
            print(*rows[-1], flush=True)
    frame = pd.DataFrame(rows, columns=["model", "precision@5", "seen items ranked, too", "s of all epochs"])
    grouped = frame.groupby("model", sort=False)
    table = pd.DataFrame(
        {
            column: [
                f"{mean:.4f} +- {error:.4f}"
                for mean, error in zip(*grouped[column].agg(["mean", "sem"]).T.to_numpy(), strict=True)
            ]
            for column in frame.columns[1:3]
        }
    )
    table.insert(0, "model", list(grouped.groups))
    table["s of all epochs"] = [f"{value:.1f}" for value in grouped["s of all epochs"].median()]
    size = describe_interactions(X)
    publish(
        "precision",
        f"{size.users:.0f} x {size['items']:.0f}, {size.interactions:.0f} likes; means and standard errors over "
        f"{arguments.splits} splits. {machine('implicit', 'lightfm-next')}\n\n{markdown(table)}",
    )


if __name__ == "__main__":
    main()
