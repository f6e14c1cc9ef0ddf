"""Every recommender at its default parameters, beside the peers at theirs, data set by data set.

    python benchmarks/out_of_the_box.py [--only {board,components,half,study}] [--sets lastfm,steam]
                                        [--models "WRMF;EASE, 100"] [--cache board.jsonl] [--movielens ml-100k/u.data]

5/5 thresholding, a fifth of the rows held out at random while every user keeps something, seen items left out,
three seeds. One code judges all models. What was measured is kept in the file --cache: a second run with it fits our
models again only if their code has changed, and peers only if they have another version. Runs with --sets or --models
fill this file; only a whole run writes to README.md and docs/images. Needs the extra [bench].
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd
import untuned_study
from board_data import METRICS, SETS, Measured, Split, drawn, judge, split
from board_models import OURS, Model, compile_ours, our_code, our_models, ours, peers, timed_fit
from board_picture import draw
from common import machine, markdown, publish

SEEDS = range(3)
COMPONENTS = (32, 64, 128, 256)
FACTORS = 2.0 ** (np.arange(-4, 5) / 2)  # of the default penalty
COUNTED = ("lastfm", "steam", "retailrocket")


def measure(measured: Measured, data: Split, name: str, model: Model) -> dict[str, float]:
    """Metrics and seconds of a model on a split."""

    def fit_and_judge() -> dict[str, float]:
        scores, seconds = timed_fit(model.fit, data)
        return {**judge(scores, data), "seconds": seconds}

    return measured((data.name, data.seed, name, data.fingerprint(), model.code), fit_and_judge)


class Board:
    """What the command line asks for."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.whole = arguments.sets is None and arguments.models is None
        self._movielens = arguments.movielens
        present = [name for name in SETS if name != "ml-100k" or self._movielens]
        self.sets = present if arguments.sets is None else arguments.sets.split(",")
        self._models = None if arguments.models is None else arguments.models.split(";")
        self.measured = Measured(arguments.cache)

    def splits(self, sets: Sequence[str] | None = None) -> Iterator[Split]:
        for name in self.sets:
            for seed in SEEDS:
                if sets is None or name in sets:
                    yield split(name, seed, self._movielens)

    def asked(self, models: dict[str, Model]) -> dict[str, Model]:
        return {name: model for name, model in models.items() if self._models is None or name in self._models}


def board(asked: Board) -> None:
    """Peers and ours on all sets, and what counts and tags change."""
    models = asked.asked(peers() | our_models())
    rows = []
    for data in asked.splits():
        for name, model in models.items():
            repeated = data.name == "gowalla" and data.seed and not model.random  # all seeds have the same split
            if model.fits(data) and not repeated:
                values = measure(asked.measured, data, name, model)
                rows.append({"data": data.name, "seed": data.seed, "model": name, **values})
    results = pd.DataFrame(rows)
    values = means(results, "ndcg@20")
    tables = {metric: best_in_bold(means(results, metric)) for metric in METRICS}
    tables["Seconds of a fit, one thread"] = means(results, "seconds").map("{:.3g}".format).replace("nan", "")
    parts = [f"{title}:\n\n{markdown(table.reset_index())}" for title, table in tables.items()]
    report(asked, "board", "\n\n".join([machine("implicit"), *parts]))
    report(asked, "board, counts and tags", changes(results))
    if asked.whole:
        publish("board, ratios", ratios(values))
        labels = {name: model.label for name, model in models.items() if model.label}
        draw(pd.concat([values.loc[list(OURS)], values.loc[list(labels)].groupby(labels).max()]))


def means(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Means over the seeds, models x sets."""
    return results.pivot_table(metric, "model", "data", sort=False)


def best_in_bold(values: pd.DataFrame) -> pd.DataFrame:
    """Four digits, and the best of each set in bold."""
    shown = values.map("{:.4f}".format)
    return shown.mask(values == values.max(), "**" + shown + "**").where(values.notna(), "")


def ratios(values: pd.DataFrame) -> str:
    """Each of ours over the best of all peers, and over the best with its loss."""
    everybody = peers()
    rows = []
    for name in OURS:
        rivals = [peer for peer, model in everybody.items() if model.rival == name]
        for title, against in {"the best peer": list(everybody), "; ".join(rivals): rivals}.items():
            ratio = (values.loc[name] / values.loc[against].max()).map("{:.3f}".format)
            rows.append({"ours": name, "over": title, **ratio})
    return markdown(pd.DataFrame(rows))


def changes(results: pd.DataFrame) -> str:
    """ndcg@20 with counts or tags less that without, of the same split and seed; standard errors over the seeds."""
    values = results.pivot_table("ndcg@20", ["data", "seed"], "model", sort=False)
    rows = []
    for name in values.columns.intersection([f"{name}, {added}" for added in ("counts", "tags") for name in OURS]):
        change = (values[name] - values[name.partition(",")[0]]).dropna().groupby("data", sort=False)
        spread = zip(change.mean().items(), change.sem(), strict=True)
        rows.append({"": name, **{data: f"{mean:+.4f} +- {error:.4f}" for (data, mean), error in spread}})
    return markdown(pd.DataFrame(rows).fillna(""))


def components(asked: Board) -> None:
    """More components at the defaults: never worse."""
    rows: dict[tuple[str, int], dict[str, str]] = {}
    for data in asked.splits():
        if data.seed:
            continue
        for name in OURS:
            before = 0.0
            for K in COMPONENTS:
                model = Model(partial(ours, name=name, n_components=K), our_code())
                value = measure(asked.measured, data, f"{name}, {K} components", model)["ndcg@20"]
                fallen = " (falls)" if value < 0.99 * before else ""
                rows.setdefault((name, K), {})[data.name] = f"{value:.4f}{fallen}"
                before = value
    table = [{"model": name, "components": K, **values} for (name, K), values in rows.items()]
    report(asked, "board, components", markdown(pd.DataFrame(table)))


def half(asked: Board) -> None:
    """The best penalty of WARP and BPR on all training rows, and on half of them."""
    rows = []
    for name in ("WARP", "BPR"):
        default = OURS[name]().regularization
        found: dict[tuple[str, str], list[list[float]]] = {}
        for data in asked.splits(COUNTED):
            left_out = drawn(data.train, 0.5, data.seed)
            parts = {"whole": data, "half": data._replace(train=data.train[~left_out], counts=None)}
            for part, rows_of in parts.items():
                values = []
                for factor in FACTORS:
                    model = Model(partial(ours, name=name, regularization=factor * default), our_code())
                    label = f"{name}, {factor:.3g} x penalty"
                    values.append(measure(asked.measured, rows_of, label, model)["ndcg@20"])
                found.setdefault((data.name, part), []).append(values)
        for (data_name, part), values in found.items():
            mean = np.mean(values, axis=0)
            best = default * FACTORS[mean.argmax()]
            rows.append({"model": name, "data": data_name, "rows": part, "best": f"{best:.3g}"})
            rows[-1] |= {f"x {factor:.3g}": f"{value:.4f}" for factor, value in zip(FACTORS, mean, strict=True)}
    report(asked, "board, half of the rows", markdown(pd.DataFrame(rows)))


def study(asked: Board) -> None:
    report(asked, "untuned study", untuned_study.study(asked.measured))


def report(asked: Board, section: str, text: str) -> None:
    """Publish the results of a whole run, print those of a part."""
    (publish if asked.whole else lambda _, text: print(text, flush=True))(section, text)


PARTS: dict[str, Callable[[Board], None]] = {"board": board, "components": components, "half": half, "study": study}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(PARTS))
    parser.add_argument("--sets", help="names with commas between them")
    parser.add_argument("--models", help="lines of the board, with semicolons between them")
    parser.add_argument("--cache", help="a file outside of the repository; by default, all is measured")
    parser.add_argument("--movielens", help="u.data of MovieLens 100k, or a file with the same columns")
    arguments = parser.parse_args()
    asked = Board(arguments)
    compile_ours(split("make_interactions", 0))
    for part in arguments.only or PARTS:
        PARTS[part](asked)


if __name__ == "__main__":
    main()
