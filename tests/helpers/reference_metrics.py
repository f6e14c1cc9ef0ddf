"""Reference implementations of the metrics: plain loops over the list of one user."""

import math


def precision(ranked, relevant, k):
    hits = 0
    for item in ranked[:k]:
        if item in relevant:
            hits += 1
    return hits / k


def recall(ranked, relevant, k):
    hits = 0
    for item in ranked[:k]:
        if item in relevant:
            hits += 1
    return hits / len(relevant)


def capped_precision(ranked, relevant, k):
    hits = 0
    for item in ranked[:k]:
        if item in relevant:
            hits += 1
    return hits / min(k, len(relevant))


def ndcg(ranked, relevant, k):
    gain = 0.0
    for rank, item in enumerate(ranked[:k], start=1):
        if item in relevant:
            gain += 1 / math.log2(rank + 1)
    ideal = 0.0
    for rank in range(1, min(k, len(relevant)) + 1):
        ideal += 1 / math.log2(rank + 1)
    return gain / ideal


def average_precision(ranked, relevant, k):
    hits, total = 0, 0.0
    for rank, item in enumerate(ranked[:k], start=1):
        if item in relevant:
            hits += 1
            total += hits / rank
    return total / min(k, len(relevant))


def reciprocal_rank(ranked, relevant, k):
    for rank, item in enumerate(ranked[:k], start=1):
        if item in relevant:
            return 1 / rank
    return 0.0


def hit_rate(ranked, relevant, k):
    for item in ranked[:k]:
        if item in relevant:
            return 1.0
    return 0.0


REFERENCE = {
    "precision": precision,
    "recall": recall,
    "capped_precision": capped_precision,
    "ndcg": ndcg,
    "average_precision": average_precision,
    "reciprocal_rank": reciprocal_rank,
    "hit_rate": hit_rate,
}


def auc(ranked, relevant):
    """AUC by a loop over all pairs of a relevant and another item; `ranked` contains all candidates."""
    irrelevant = [item for item in ranked if item not in relevant]
    if not irrelevant:
        return 0.5
    n_correct = 0
    for item in relevant:
        for other in irrelevant:
            if item in ranked and ranked.index(item) < ranked.index(other):
                n_correct += 1
    return n_correct / (len(relevant) * len(irrelevant))


def preference_mse(scores, relevant):
    """Mean squared error over all candidates and relevant items; relevant items without a score have the score 0."""
    total = 0.0
    cells = set(scores) | relevant
    for item in cells:
        preference = 1.0 if item in relevant else 0.0
        total += (preference - scores.get(item, 0.0)) ** 2
    return total / len(cells)


def choose_relevant(fitted, evaluated, known_users, known_items):
    """Return the evaluated pairs that are relevant, and whether seen pairs are candidates.

    `fitted` and `evaluated` are sets of (user, item) pairs with positive strength.
    """
    seen, new = set(), set()
    for pair in evaluated:
        (seen if pair in fitted else new).add(pair)
    rankable = False
    for user, item in new:
        if user in known_users and item in known_items:
            rankable = True
    if seen and not rankable:
        return seen, True
    return new, False


def rank_by_score(scores, excluded):
    """Return the items that are not excluded, best first; ties are broken by item."""
    candidates = [item for item in scores if item not in excluded]
    return sorted(candidates, key=lambda item: (-scores[item], item))


def mean_over_users(metric, lists, relevant_pairs, k):
    """Return the mean over users with a relevant pair; a missing list counts as empty."""
    relevant = {}
    for user, item in relevant_pairs:
        relevant.setdefault(user, set()).add(item)
    values = []
    for user, items in relevant.items():
        values.append(metric(lists.get(user, []), items, k))
    return sum(values) / len(values)
