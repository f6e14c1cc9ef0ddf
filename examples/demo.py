"""Full workflow from a file of interactions to tuned recommenders and uses of their embeddings.

    python examples/demo.py                                           # on made-up data
    python examples/demo.py --likes likes.psv --features feats.psv    # on files

The demo follows two posts by Ethan Rosenthal (2016) on likes of Sketchfab models: "Intro to Implicit Matrix
Factorization: Classic ALS with Sketchfab Models" and "Learning to Rank Sketchfab Models with LightFM". It drops rare
users and items, holds out items per user, plots learning curves, searches hyperparameters, compares all models on a
second holdout, and refits the best model on all data. Then it shows similar items, items for a tag and tags for an
item. The report, a self-contained HTML page, begins with a summary that needs no knowledge of the models. Its texts and
tables are also printed.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd
from contest import METRIC, SPACES, Contest, Finalist, Verdict
from demo_data import DemoData, make_named_likes, read_files
from report import Report
from showcase import Gallery, show_neighbours, show_recommendations, show_space, show_tags
from summary import add_summary, comparison_table, shown_users, tag_effects
from wording import parameter_table

from sklearn_recsketch.inspection import (
    EmbeddingNormsDisplay,
    EpochCurveDisplay,
    SearchScatterDisplay,
    SearchTraceDisplay,
)
from sklearn_recsketch.preprocessing import describe_interactions, threshold_interactions


def show_data(report: Report, data: DemoData, X: pd.DataFrame) -> None:
    """Show sizes before and after thresholding."""
    sizes = pd.DataFrame({"all": describe_interactions(data.likes), "after 5/5 thresholding": describe_interactions(X)})
    report.section(
        "Data", "Users and items with fewer than five interactions are dropped repeatedly until none are left."
    )
    sizes = sizes.T.astype({"users": int, "items": int, "rows": int, "interactions": int})
    report.table(sizes, index=True, formats={"density": "{:.2%}"})


def show_comparison(report: Report, contest: Contest, verdict: Verdict) -> None:
    """Show all models on the test holdout."""
    who = contest.splitter().describe(contest.X)
    report.section(
        "Comparison",
        f"{who['eligible_users']:,} of {who['users']:,} users have at least {who['min_interactions']} likes; five "
        f"likes of {who['test_users']:,} of them are held out for the test. Of the other likes, five per user of "
        f"another sample are held out for validation. Models and parameters were chosen by validation, the best one is "
        f"listed first, and the test rows were used once, for this table. Numbers after ± are standard errors. The "
        f"difference from popularity is that of the same users, and varies less than the values themselves.",
    )
    report.table(comparison_table(verdict))
    names = [finalist.name for finalist in sorted(verdict.finalists, key=lambda finalist: -finalist.validation)]
    means, errors = zip(*(verdict.mean(name) for name in names), strict=True)
    report.bars(names, means, errors, f"test {METRIC}")
    for text in tag_effects(verdict):
        report.paragraph(text)


def show_curves(report: Report, contest: Contest) -> None:
    """Plot the learning curves of both models."""
    report.section(
        "Learning curves", "Precision on training and on validation rows before tuning, without tags, after each epoch."
    )
    axes = None
    for name in contest.base_models():
        curve = contest.learning_curve(name)
        table = curve.curves().drop(columns="fit")
        table.columns = [column.replace(f"_{METRIC}", "").replace("_", " ") for column in table]
        report.table(table, caption=f"{name}, {METRIC}")
        axes = EpochCurveDisplay.from_monitor(curve, name=name, axes=axes).axes_
    report.figure(axes[0].figure)


def run_searches(report: Report, contest: Contest, untuned: list[Finalist], n_iter: int) -> list[Finalist]:
    """Run all searches on the validation holdout, show their traces, and return their best candidates."""
    grid = contest.grid_search()
    n_rows = len(grid.cv_results_["params"])
    report.section(
        "Grid search of WRMF",
        f"{n_rows} settings from {n_rows // len(grid.epochs)} fits without tags. Each fit is scored along the way. The "
        f"plots call the validation rows 'test', as scikit-learn's searches do.",
    )
    report.figure(SearchTraceDisplay.from_search(grid).figure_)
    report.figure(SearchScatterDisplay.from_search(grid).figure_)
    found = [contest.tuned("WRMF, tuned by grid", grid, None)]
    best = {found[0].name: grid.best_params_}

    report.section("Bayesian search", f"{n_iter} trials each, on the same validation rows.")
    suffix = "" if contest.tags is None else " with tags"
    for model in SPACES:
        search = contest.bayes_search(model, n_iter)
        found.append(contest.tuned(f"{model}{suffix}, tuned", search, contest.tags))
        best[found[-1].name] = search.best_params_
        report.figure(SearchTraceDisplay.from_search(search).figure_, caption=found[-1].name)
    report.section("Best parameters", f"Of each search. The last row is {METRIC} on the validation rows.")
    table = parameter_table(best)
    table.loc[len(table)] = [f"validation {METRIC}", *(f"{finalist.validation:.3f}" for finalist in found)]
    report.table(table)
    untuned = max(untuned, key=lambda finalist: finalist.validation)
    if untuned.validation >= max(finalist.validation for finalist in found):
        report.paragraph(
            f"No candidate is better on the validation rows than {untuned.name} before tuning, with {METRIC} "
            f"{untuned.validation:.3f}. Its automatic parameters need no search here; more trials may find better ones."
        )
    return found


def show_embeddings(report: Report, contest: Contest, verdict: Verdict, data: DemoData, thumbnails: bool) -> None:
    """Show uses of the winner's embeddings, and of the best model with tags, both fitted to all likes."""
    gallery = Gallery(data, thumbnails)
    final = verdict.winner.fit(contest.X)
    add_summary(report, contest, verdict, data, final)
    show_recommendations(report, final, [user for _, user in shown_users(contest.X)], gallery)
    labels = None if data.names is None else data.names.to_dict()
    if hasattr(final, "item_factors_"):
        show_neighbours(report, final, contest.X, gallery)
    tagged = verdict.best_with_tags()
    if tagged is not None:
        with_tags = final if tagged is verdict.winner else tagged.fit(contest.X)
        show_tags(report, tagged.name, with_tags, contest.X, gallery)
    report.section("Embedding space", "Items that the same users like are close together; the axes have no meaning.")
    if hasattr(final, "item_factors_"):
        show_space(report, final, "items", labels, contest.seed)
        report.figure(EmbeddingNormsDisplay.from_estimator(final).figure_, caption="Popularity and norms of vectors")
    if tagged is not None:
        show_space(report, with_tags, "item_features", None, contest.seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--likes", help="pipe-separated file with columns modelname, mid, uid")
    parser.add_argument("--features", help="pipe-separated file with columns mid, type, value")
    parser.add_argument("--thumbnails", action="store_true", help="show thumbnails of Sketchfab models, from its API")
    parser.add_argument("--report", default="demo-report", help="folder for report.html")
    parser.add_argument("--n-iter", type=int, default=8, help="trials of each search")
    parser.add_argument("--n-jobs", type=int, default=-1, help="threads")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    started = time.perf_counter()
    if arguments.likes is None:
        data = make_named_likes(3000, 1500, arguments.seed)
    else:
        data = read_files(arguments.likes, arguments.features)
    report = Report("From likes to recommendations", f"Data: {data.title}")
    X = threshold_interactions(data.likes, user_min=5, item_min=5)
    contest = Contest(X, data.tags, arguments.seed, arguments.n_jobs)
    show_data(report, data, X)
    show_curves(report, contest)
    untuned = list(contest.untuned())
    verdict = contest.judge([*untuned, *run_searches(report, contest, untuned, arguments.n_iter)])
    show_comparison(report, contest, verdict)
    show_embeddings(report, contest, verdict, data, arguments.thumbnails)
    path = report.save(Path(arguments.report), seconds=time.perf_counter() - started)
    print(f"\nThe report is in {path}. Total time: {time.perf_counter() - started:.0f} s.")


if __name__ == "__main__":
    main()
