"""Summary of the demo's report: the question, the finding, three users, and what to do next."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd
from contest import METRIC, Contest, Verdict
from demo_data import DemoData, tag_name
from report import Report
from wording import MISSING, capitalized, duration, listed, with_error

from sklearn_recsketch.inspection import explain

CLEAR = 2.0  # standard errors; a smaller difference may be chance
QUANTILES = {"few likes": 0.1, "a median number of likes": 0.5, "many likes": 0.9}


def add_summary(report: Report, contest: Contest, verdict: Verdict, data: DemoData, final: Any) -> None:
    """Write the first section of the report. `final` is the winner, fitted to all likes."""
    report.section("Summary", "", first=True)
    report.heading("What was asked")
    report.paragraph(
        f"{contest.X['user'].nunique():,} users like {contest.X['item'].nunique():,} items ({data.title}). Which items "
        f"should each user be shown, and is that better than showing everyone the most popular items? To find out, "
        f"five likes of {len(verdict.values['popularity']):,} users were hidden. Each model recommended five items to "
        f"each of these users, and the hidden likes among them were counted."
    )
    report.heading("What was found")
    _add_finding(report, verdict)
    report.heading("What it means for three users")
    report.paragraph(
        "These users were chosen by their number of likes alone, not by how good the recommendations look. The model "
        "was fitted to all likes."
    )
    report.people([_person(label, user, contest, data, final) for label, user in shown_users(contest.X)])
    report.heading("What to do next")
    report.bullets(_next_steps(contest, verdict))


def _add_finding(report: Report, verdict: Verdict) -> None:
    winner = verdict.winner.name
    hits, error = (5 * value for value in verdict.mean(winner))
    base, base_error = (5 * value for value in verdict.mean("popularity"))
    gain, gain_error = (5 * value for value in verdict.difference(winner, "popularity"))
    times = f"{hits / base:.1f} times" if base > 0 else MISSING
    report.figures(
        [
            (f"{hits:.2f} of 5", f"recommendations of {winner} are hidden likes (± {error:.2f})"),
            (f"{base:.2f} of 5", f"of the most popular items are hidden likes (± {base_error:.2f})"),
            (times, "as many as by popularity"),
        ]
    )
    if gain > CLEAR * gain_error:
        result = f"{capitalized(winner)} is better than popularity: it finds {gain:.2f} ± {gain_error:.2f} more"
    else:
        result = f"No model is clearly better than popularity: {winner} finds {gain:+.2f} ± {gain_error:.2f} more"
    report.paragraph(
        f"{result} hidden likes per user. The number after ± is a standard error: how far chance in the choice of "
        f"users typically moves a figure. {capitalized(winner)} was chosen on other hidden likes than those counted "
        f"here, so that its figure is not flattered by the choice."
    )
    second = verdict.runner_up.name
    if second != "popularity":
        between, between_error = (5 * value for value in verdict.difference(winner, second))
        clear = abs(between) > CLEAR * between_error
        verdict_text = "a clear difference" if clear else "which may be chance; either can be used"
        report.paragraph(
            f"The runner-up, {second}, finds {abs(between):.2f} ± {between_error:.2f} "
            f"{'fewer' if between >= 0 else 'more'} hidden likes per user, {verdict_text}."
        )
    for text in tag_effects(verdict):
        report.paragraph(text)


def tag_effects(verdict: Verdict) -> list[str]:
    """What tags change in the models before tuning, in a sentence, and a reason if they do not help."""
    names = [finalist.name for finalist in verdict.finalists]
    pairs = [(name, f"{name} with tags") for name in names if f"{name} with tags" in names]
    if not pairs:
        return []
    parts, helped = [], []
    for without, tagged in pairs:
        change, error = (5 * value for value in verdict.difference(tagged, without))
        kind = "no clear change" if abs(change) <= CLEAR * error else "better" if change > 0 else "worse"
        helped.append(kind == "better")
        parts.append(f"{without} by {change:+.2f} ± {error:.2f} ({kind})")
    reason = (
        "Tags say something about items that their likes do not."
        if all(helped)
        else "Items here have enough likes to be known by them, and an embedding must then be shared by all items with "
        "a tag. Tags are worth more for items with few likes or none."
    )
    return [f"With tags, and before tuning, the hidden likes found per user change for {listed(parts)}. {reason}"]


def shown_users(X: pd.DataFrame) -> list[tuple[str, Any]]:
    """Descriptions and ids of three users, at quantiles of the number of likes."""
    counts = X["user"].value_counts().sort_index().sort_values(kind="stable")
    return [(label, counts.index[int(at * (len(counts) - 1))]) for label, at in QUANTILES.items()]


def _person(label: str, user: Any, contest: Contest, data: DemoData, final: Any) -> dict[str, Any]:
    """Name, likes, recommendations and reasons of a user."""
    liked = contest.X.loc[contest.X["user"] == user, "item"].tolist()
    recommended = final.recommend([user], k=5)["item"].tolist()
    common = Counter(tag_name(tag) for item in liked for tag in data.tags_of(item)).most_common(3)
    shown = listed([data.name(item) for item in liked[:4]]) if len(liked) <= 4 else ", ".join(map(data.name, liked[:4]))
    more = f" and {len(liked) - 4} more" if len(liked) > 4 else ""
    tags = f" Most frequent tags: {listed(f'{tag} ({n})' for tag, n in common)}." if common else ""
    return {
        "name": str(user),
        "label": f"{label}: {len(liked)}",
        "Likes": f"{shown}{more}.{tags}",
        "Is recommended": [data.name(item) for item in recommended],
        "Why": _reason(final, user, recommended[0], data) if recommended else "All items are liked already.",
    }


def _reason(final: Any, user: Any, item: Any, data: DemoData) -> str:
    """Why an item is recommended first: the past likes that speak most for it, and the tags in common with them."""
    if not hasattr(final, "item_factors_"):
        return f"{data.name(item)} is one of the most liked items that the user does not have yet."
    table = explain(final, user, item)
    past = table[table["source"] == "history"]
    past = past[past["contribution"].isna() | (past["contribution"] > 0)].head(2)
    if past.empty:
        return f"{data.name(item)} is close to the user's likes as a whole."
    names = listed(data.name(name) for name in past["name"])
    text = f"{data.name(item)} is first, most of all because of {names}: many users like them together."
    mine = set(data.tags_of(item))
    shared = sorted({tag_name(tag) for name in past["name"] for tag in mine.intersection(data.tags_of(name))})
    if shared:
        text += f" Tags in common: {listed(shared)}."
    return text


def _next_steps(contest: Contest, verdict: Verdict) -> list[str]:
    winner = verdict.winner.name
    steps = [
        f"Show the recommendations of {winner} to a random half of the users and popular items to the other half, and "
        f"count clicks. Hidden likes show what users would have found anyway, not what they would choose if shown.",
        f"Fit again as often as likes arrive: a fit takes {duration(verdict.seconds[winner])} on this machine.",
        "Users with fewer than five likes were left out. Show them popular items, or pass their first likes to "
        "recommend(history=...), which needs no new fit.",
    ]
    tagged = verdict.best_with_tags()
    if tagged is not None and hasattr(tagged.estimator, "item_encoder"):
        found = contest.new_items(tagged)
        helps = found["mean"] - found["chance"] > CLEAR * found["error"]
        steps.append(
            f"Recommend new items by their tags. Of five recommended items that had no like in training, "
            f"{5 * found['mean']:.2f} ± {5 * found['error']:.2f} are hits by {tagged.name}, and "
            f"{5 * found['chance']:.2f} by chance"
            + (
                ". Models without tags cannot tell such items apart."
                if helps
                else ": on these data, tags do not help new items either, so that better tags should come first."
            )
        )
    return steps


def comparison_table(verdict: Verdict) -> pd.DataFrame:
    """All models on the test holdout, the winner first, with differences from popularity for the same users."""
    rows = []
    for finalist in sorted(verdict.finalists, key=lambda finalist: -finalist.validation):
        name = finalist.name
        difference = MISSING if name == "popularity" else with_error(*verdict.difference(name, "popularity"))
        rows.append(
            {
                "model": name,
                f"validation {METRIC}": f"{finalist.validation:.3f}",
                f"test {METRIC}": with_error(*verdict.mean(name)),
                "more than popularity": difference,
                "test ndcg@10": with_error(*verdict.mean(name, "ndcg@10")),
                "fit": duration(verdict.seconds[name]),
            }
        )
    return pd.DataFrame(rows)
