"""Write docs/posts.rst and its pictures from the results of `benchmarks/posts.py`."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from posts_conclusions import conclusions, shown_parameters

from sklearn_recsketch.inspection import EpochCurveDisplay, SearchScatterDisplay, SearchTraceDisplay

ALS = "https://www.ethanrosenthal.com/2016/10/19/implicit-mf-part-1/"
WARP = "https://www.ethanrosenthal.com/2016/11/07/implicit-mf-part-2/"
# Epochs, and precision of the best setting of the first post on training and on held-out likes.
POSTED_CURVE = {
    2: (0.33988, 0.02541), 6: (0.30085, 0.04231), 10: (0.28638, 0.04407), 14: (0.28533, 0.04571),
    18: (0.28454, 0.04695), 22: (0.28409, 0.04761), 26: (0.28186, 0.04656), 30: (0.28127, 0.04669),
    34: (0.28153, 0.04650), 38: (0.28153, 0.04637),
}  # fmt: skip


def write_page(folder: Path, name: str, plan: Any, kept: dict[str, Any]) -> Path:
    """Write the page and its pictures to a folder, and return the path of the page."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    draw(folder / "images", kept)
    parts = [
        introduction(name, kept),
        heading("What holds, and what does not"),
        verdicts(kept),
        heading("Numbers side by side"),
        numbers(plan, kept),
        heading("What the posts' precision measures"),
        definitions(kept),
        heading("Learning curve of the best ALS setting"),
        curves(kept),
        heading("Traces of the grid"),
        picture("posts-grid", "Held-out precision of all settings of the grid over the epochs."),
        picture("posts-grid-scatter", "Best held-out precision against each parameter of the grid."),
        heading("WARP: learning curves and forest searches"),
        "The left panel is the precision on training likes. As it rises, training likes fill the first five places, "
        "and the precision by the posts' definition falls.",
        picture(
            "posts-warp", "Training and held-out precision of WARP over the epochs, for two numbers of components."
        ),
        "Each dot is a trial, and the line is the best so far: first without tags, then with tags, starting from the "
        "best parameters without tags.",
        picture("posts-forest", "Trials of the forest search of WARP without tags."),
        picture("posts-forest-tags", "Trials of the forest search of WARP with tags."),
    ]
    path = folder / "posts.rst"
    blocks = "\n\n".join(parts).split("\n\n")
    path.write_text("\n\n".join(map(wrapped, blocks)) + "\n", encoding="utf-8")
    return path


def introduction(name: str, kept: dict[str, Any]) -> str:
    sizes = kept["data"]["sizes"]["thresholded"]
    return (
        ".. Written by benchmarks/posts.py. Change that script instead.\n\n"
        ".. meta::\n   :description: Two posts of 2016 on implicit matrix factorization and LightFM, repeated with "
        "scikit-learn estimators.\n   :keywords: implicit feedback, ALS, LightFM, WARP, Sketchfab, grid search, "
        "scikit-learn\n\n"
        "Two posts from 2016, repeated\n=============================\n\n"
        f"Ethan Rosenthal's posts `Intro to Implicit Matrix Factorization <{ALS}>`_ and `Learning to Rank Sketchfab "
        f"Models with LightFM <{WARP}>`_ tune ALS and WARP on likes of 3D models. This page repeats their computations "
        f"with this package. The data are {name}, with {sizes['users']:,.0f} users, {sizes['items']:,.0f} items and "
        f"{sizes['rows']:,.0f} likes after the posts' thresholding. As in the posts, a fifth of the users with at "
        f"least 10 likes have 5 of them held out, here {kept['data']['test users']:,} users, and parameters are "
        f"chosen on these users. The data differ from those of the posts, so that conclusions can be compared, but "
        f"not the precision itself. With ``--sketchfab``, ``benchmarks/posts.py`` downloads the posts' data and "
        f"repeats the page on them.\n\n{kept['machine']} The machine did other work at the same time. Processor "
        f"seconds depend less on that than minutes by the clock."
    )


def verdicts(kept: dict[str, Any]) -> str:
    """The author's conclusions, and whether they hold here."""
    rows = [["Conclusion of the posts", "Here", "Holds"], *map(list, conclusions(kept))]
    before = (
        "Numbers are precision@5, either as posted or among items that users had not liked in training. A later "
        "section explains both, and why they disagree. 'Not clear' stands for differences of less than two standard "
        "errors."
    )
    after = (
        "The code of the second post intends to start the search with tags from the best parameters without tags. It "
        "writes ``x0 = res_fm.x.append(1.)``, which is None, so that its search with tags started at random and had a "
        "fifth of the trials. This may be why tags looked worse."
    )
    return "\n\n".join([before, list_table(rows, "42 46 12"), after])


def numbers(plan: Any, kept: dict[str, Any]) -> str:
    sizes, grid, forest, tagged = (kept[name] for name in ("data", "grid", "forest", "tagged"))
    n_settings = int(np.prod([len(values) for values in plan.grid.values()]))
    before, after = sizes["sizes"]["all"], sizes["sizes"]["thresholded"]

    def size(row: Any) -> str:
        return f"{row['users']:,.0f} x {row['items']:,.0f}, {row['density']:.3%}"

    def trials(found: dict[str, Any]) -> int:
        return len(found["search"].cv_results_["params"])

    prune = grid["search"].prune
    how = "" if prune is None else f", with prune={prune!r}"

    def best(found: dict[str, Any]) -> str:
        return f"{found['search'].best_score_:.4f}: {shown_parameters(found['search'].best_params_)}"

    rows = [
        ["", "Posts", "Here"],
        ["Users x items, and share of pairs that are likes", "62,583 x 28,806, 0.035%", size(before)],
        ["After dropping users and items with fewer than 5 likes", "15,274 x 25,655, 0.140%", size(after)],
        ["Matrix of likes from a table of ids", "876 ms", f"{1000 * sizes['matrix seconds']:.0f} ms"],
        [
            f"Grid of ALS: posts 180 settings, here {n_settings}, scored along the way",
            "about 2 days, on 4 cores of 2010",
            spent(grid) + how,
        ],
        ["Best precision@5 of ALS", "0.0476: alpha 50, 40 factors, regularization 0.1, epoch 22", best(grid)],
        ["Precision@5 of WARP with LightFM's defaults", "about 0.034", f"{small_warp(kept):.4f}"],
        [
            "Forest search of WARP",
            "250 trials, up to 260 epochs and 200 components, time not stated",
            f"{trials(forest)} trials, up to {plan.max_epochs} epochs and {plan.max_components} components; "
            f"{spent(forest)}",
        ],
        ["Best precision@5 of WARP", "0.0478", best(forest)],
        ["The same with tags", "50 trials, a lower precision", f"{trials(tagged)} trials; {spent(tagged)}"],
        ["Best precision@5 with tags", "below 0.0478", best(tagged)],
    ]
    return list_table(rows, "34 30 36") + (
        "\n\nThe posts have about half a million likes, so that times on other data only show the order of magnitude. "
        "The parameters are those of this package. Its penalties of WARP have another scale than LightFM's, and "
        "the ranges were translated. ``benchmarks/README.md`` times the posts' own code beside this package on "
        "synthetic data of the size of Sketchfab's."
    )


def small_warp(kept: dict[str, Any]) -> float:
    """Best held-out precision over the epochs of WARP with LightFM's defaults."""
    found = kept["warp_curve"]["search"].cv_results_
    pairs = zip(found["params"], found["mean_test_score"], strict=True)
    smallest = min(params["n_components"] for params in found["params"])
    return float(max(score for params, score in pairs if params["n_components"] == smallest))


def definitions(kept: dict[str, Any]) -> str:
    """Both definitions of precision, for all models."""
    rows = [["Model", "Precision@5 as posted", "Precision@5 of unseen items", "Fit, processor s"]]
    for row in kept["models"].to_dict("records"):
        rows.append(
            [
                row["model"],
                f"{row['as posted']:.4f} ± {row['as posted, error']:.4f}",
                f"{row['unseen items']:.4f} ± {row['unseen items, error']:.4f}",
                f"{row['processor']:.2g}",
            ]
        )
    models = kept["models"].set_index("model")["unseen items"]
    tuned, untuned = models["ALS, best of the grid"], models["ALS, defaults"]
    effect = (
        f"The grid found the best ALS setting by the first column. In the second column, it has {tuned:.4f}, and ALS "
        f"with default parameters {untuned:.4f}."
    )
    return (
        "The posts rank all items, with those that a user liked in training. A model that has learned these likes puts "
        "them first, and each one takes a place in the list and counts as a miss. Precision as posted therefore "
        "favours models that fit the training likes less. A site would not recommend what a user already likes. The "
        "second column leaves these items out, as ``make_ranking_scorer`` does by default. Numbers after ± are "
        "standard errors over users. The tuned models were tuned for the first column, on the same users.\n\n"
    ) + f"{list_table(rows, '40 22 24 14')}\n\n{effect}"


def curves(kept: dict[str, Any]) -> str:
    ours = kept["best_curve"].set_index("epochs")
    rows = [["Epochs", "Posts, training", "Posts, held out", "Here, training", "Here, held out"]]
    for epoch in POSTED_CURVE if set(POSTED_CURVE) <= set(ours.index) else ours.index:
        posted = [f"{value:.4f}" for value in POSTED_CURVE.get(epoch, ())] or ["", ""]
        found = ours.loc[epoch]
        rows.append([str(epoch), *posted, f"{found['precision train']:.4f}", f"{found['precision test']:.4f}"])
    best = ours["error test"].idxmin()
    return (
        list_table(rows, "12 22 22 22 22")
        + f"\n\nPrecision@5 as posted. Training precision is over all users here, and over the held-out users in the "
        f"posts. In the posts, the squared error of held-out likes is lowest after 8 to 10 epochs, and precision is "
        f"highest after 22. Here, the error is lowest after {best} epochs ({ours.loc[best, 'error test']:.5f}), and "
        f"precision is highest after {ours['precision test'].idxmax()}.\n\n"
    ) + picture("posts-als", "Training and held-out precision of the best ALS setting over the epochs.")


def draw(folder: Path, kept: dict[str, Any]) -> None:
    """Save all pictures."""
    grid, curve, warp = kept["grid"]["search"], kept["best_curve"], kept["warp_curve"]["search"]
    best = EpochCurveDisplay(
        epochs=curve["epochs"],
        test_scores=curve["precision test"],
        train_scores=curve["precision train"],
        metric="precision@5",
        name="ALS",
    ).plot()
    axes = None
    settings = [{key: value for key, value in row.items() if key != "max_iter"} for row in warp.cv_results_["params"]]
    for name, params in {"LightFM's defaults": settings[0], "defaults of this package": settings[-1]}.items():
        axes = EpochCurveDisplay.from_search(warp, params=params, name=name, axes=axes).axes_
    figures = {
        "grid": SearchTraceDisplay.from_search(grid).figure_,
        "grid-scatter": SearchScatterDisplay.from_search(grid).figure_,
        "als": best.figure_,
        "warp": axes[0].figure,
        "forest": SearchTraceDisplay.from_search(kept["forest"]["search"]).figure_,
        "forest-tags": SearchTraceDisplay.from_search(kept["tagged"]["search"]).figure_,
    }
    for name, figure in figures.items():
        figure.savefig(folder / f"posts-{name}.png", dpi=90)
        plt.close(figure)


def spent(found: dict[str, Any]) -> str:
    """Time by the clock and of the processor."""
    seconds, processor = found["seconds"], found["processor"]
    clock = f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
    return f"{clock}, {processor:.0f} processor seconds"


def wrapped(block: str) -> str:
    """A paragraph in lines of at most 120 characters; other blocks as they are."""
    if "\n" in block or block.startswith((".. ", ":", " ")):
        return block
    return textwrap.fill(block, 120, break_long_words=False, break_on_hyphens=False)


def heading(text: str) -> str:
    return f"{text}\n{'-' * len(text)}"


def picture(name: str, alt: str) -> str:
    return f".. image:: images/{name}.png\n   :alt: {alt}"


def list_table(rows: list[list[str]], widths: str) -> str:
    """A table in reStructuredText whose first row is its head."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in rows:
        lines += [f"   {'* -' if column == 0 else '  -'} {cell}".rstrip() for column, cell in enumerate(row)]
    return "\n".join(lines)
