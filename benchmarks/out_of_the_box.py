"""Comparison of all recommenders and of models of other libraries, with default parameters, per data set.

    python benchmarks/out_of_the_box.py [--only {board,components,half,study}] [--sets lastfm,steam]
                                        [--models "WRMF;EASE, 100"] [--cache board.jsonl] [--movielens ml-100k/u.data]

After 5/5 thresholding, a fifth of the rows is held out at random, and every user keeps at least one row. Seen items are
excluded, and the same code evaluates all models, for three seeds. Measurements are stored in the file --cache. A second
run only fits our models again if their code has changed, and other models if the version of their library has changed.
Runs with --sets or --models only write to this file; a full run also writes to README.md and docs/images. Requires the
extra [bench].
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd
import untuned_study
from board_data import METRICS, SETS, Measurements, Split, evaluate, sample_rows, split
from board_models import OURS, Model, compile_ours, our_code, our_models, ours, peers, timed_fit
from board_picture import draw
from common import machine, markdown, publish

SEEDS = range(3)
COMPONENTS = (32, 64, 128, 256)
FACTORS = 2.0 ** (np.arange(-4, 5) / 2)  # multiples of the default penalty
COUNTED = ("lastfm", "steam", "retailrocket")


def measure(measured: Measurements, data: Split, name: str, model: Model) -> dict[str, float]:
    """Measure the metrics and the seconds of a model on a split."""

    def fit_and_evaluate() -> dict[str, float]:
        scores, seconds = timed_fit(model.fit, data)
        return {**evaluate(scores, data), "seconds": seconds}

    return measured((data.name, data.seed, name, data.fingerprint(), model.code), fit_and_evaluate)


class Selection:
    """Data sets, models and cache selected on the command line."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.whole = arguments.sets is None and arguments.models is None
        self._movielens = arguments.movielens
        present = [name for name in SETS if name != "ml-100k" or self._movielens]
        self.sets = present if arguments.sets is None else arguments.sets.split(",")
        self._models = None if arguments.models is None else arguments.models.split(";")
        self.measured = Measurements(arguments.cache)

    def splits(self, sets: Sequence[str] | None = None) -> Iterator[Split]:
        for name in self.sets:
            for seed in SEEDS:
                if sets is None or name in sets:
                    yield split(name, seed, self._movielens)

    def select(self, models: dict[str, Model]) -> dict[str, Model]:
        return {name: model for name, model in models.items() if self._models is None or name in self._models}


def board(selection: Selection) -> None:
    """Evaluate all models on all data sets, and the effect of counts and tags."""
    models = selection.select(peers() | our_models())
    rows = []
    for data in selection.splits():
        for name, model in models.items():
            repeated = data.name == "gowalla" and data.seed and not model.random  # all seeds use the same split
            if model.fits(data) and not repeated:
                values = measure(selection.measured, data, name, model)
                rows.append({"data": data.name, "seed": data.seed, "model": name, **values})
    results = pd.DataFrame(rows)
    values = means(results, "ndcg@20")
    tables = {metric: best_in_bold(means(results, metric)) for metric in METRICS}
    tables["Seconds of a fit, one thread"] = means(results, "seconds").map("{:.3g}".format).replace("nan", "")
    parts = [f"{title}:\n\n{markdown(table.reset_index())}" for title, table in tables.items()]
    report(selection, "board", "\n\n".join([machine("implicit"), *parts]))
    report(selection, "board, counts and tags", changes(results))
    if selection.whole:
        publish("board, ratios", ratios(values))
        labels = {name: model.label for name, model in models.items() if model.label}
        draw(pd.concat([values.loc[list(OURS)], values.loc[list(labels)].groupby(labels).max()]))


def means(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Means over the seeds, with models as rows and data sets as columns."""
    return results.pivot_table(metric, "model", "data", sort=False)


def best_in_bold(values: pd.DataFrame) -> pd.DataFrame:
    """Format with four digits, with the best model of each data set in bold."""
    shown = values.map("{:.4f}".format)
    return shown.mask(values == values.max(), "**" + shown + "**").where(values.notna(), "")


def ratios(values: pd.DataFrame) -> str:
    """Ratio of each of our models to the best other model, and to the best other model with the same loss."""
    others = peers()
    rows = []
    for name in OURS:
        rivals = [peer for peer, model in others.items() if model.rival == name]
        for title, group in {"the best peer": list(others), "; ".join(rivals): rivals}.items():
            ratio = (values.loc[name] / values.loc[group].max()).map("{:.3f}".format)
            rows.append({"ours": name, "over": title, **ratio})
    return markdown(pd.DataFrame(rows))


def changes(results: pd.DataFrame) -> str:
    """Change in nDCG@20 by counts or tags, for the same split and seed, with standard errors over the seeds."""
    values = results.pivot_table("ndcg@20", ["data", "seed"], "model", sort=False)
    rows = []
    for name in values.columns.intersection([f"{name}, {added}" for added in ("counts", "tags") for name in OURS]):
        change = (values[name] - values[name.partition(",")[0]]).dropna().groupby("data", sort=False)
        spread = zip(change.mean().items(), change.sem(), strict=True)
        rows.append({"": name, **{data: f"{mean:+.4f} +- {error:.4f}" for (data, mean), error in spread}})
    return markdown(pd.DataFrame(rows).fillna(""))


def components(selection: Selection) -> None:
    """Measure nDCG@20 for larger numbers of components, which should not reduce it."""
    rows: dict[tuple[str, int], dict[str, str]] = {}
    for data in selection.splits():
        if data.seed:
            continue
        for name in OURS:
            before = 0.0
            for K in COMPONENTS:
                model = Model(partial(ours, name=name, n_components=K), our_code())
                value = measure(selection.measured, data, f"{name}, {K} components", model)["ndcg@20"]
                fallen = " (falls)" if value < 0.99 * before else ""
                rows.setdefault((name, K), {})[data.name] = f"{value:.4f}{fallen}"
                before = value
    table = [{"model": name, "components": K, **values} for (name, K), values in rows.items()]
    report(selection, "board, components", markdown(pd.DataFrame(table)))


def half(selection: Selection) -> None:
    """Find the best penalty of WARP and BPR for all training rows, and for half of them."""
    rows = []
    for name in ("WARP", "BPR"):
        default = OURS[name]().regularization
        found: dict[tuple[str, str], list[list[float]]] = {}
        for data in selection.splits(COUNTED):
            left_out = sample_rows(data.train, 0.5, data.seed)
            parts = {"whole": data, "half": data._replace(train=data.train[~left_out], counts=None)}
            for part, rows_of in parts.items():
                values = []
                for factor in FACTORS:
                    model = Model(partial(ours, name=name, regularization=factor * default), our_code())
                    label = f"{name}, {factor:.3g} x penalty"
                    values.append(measure(selection.measured, rows_of, label, model)["ndcg@20"])
                found.setdefault((data.name, part), []).append(values)
        for (data_name, part), values in found.items():
            mean = np.mean(values, axis=0)
            best = default * FACTORS[mean.argmax()]
            rows.append({"model": name, "data": data_name, "rows": part, "best": f"{best:.3g}"})
            rows[-1] |= {f"x {factor:.3g}": f"{value:.4f}" for factor, value in zip(FACTORS, mean, strict=True)}
    report(selection, "board, half of the rows", markdown(pd.DataFrame(rows)))


def study(selection: Selection) -> None:
    report(selection, "untuned study", untuned_study.study(selection.measured))


def report(selection: Selection, section: str, text: str) -> None:
    """Publish the results of a full run, or print those of a partial run."""
    (publish if selection.whole else lambda _, text: print(text, flush=True))(section, text)


PARTS: dict[str, Callable[[Selection], None]] = {"board": board, "components": components, "half": half, "study": study}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(PARTS))
    parser.add_argument("--sets", help="comma-separated names of data sets")
    parser.add_argument("--models", help="semicolon-separated rows of the board")
    parser.add_argument(
        "--cache", help="file for measurements, outside of the repository; by default, everything is measured"
    )
    parser.add_argument("--movielens", help="path of u.data of MovieLens 100k, or of a file with the same columns")
    arguments = parser.parse_args()
    selection = Selection(arguments)
    compile_ours(split("make_interactions", 0))
    for part in arguments.only or PARTS:
        PARTS[part](selection)


if __name__ == "__main__":
    main()
