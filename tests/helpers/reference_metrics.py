"""The metrics as literal loops over one user's list: the twins of the package's vectorised ones."""

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
    for place, item in enumerate(ranked[:k], start=1):
        if item in relevant:
            gain += 1 / math.log2(place + 1)
    ideal = 0.0
    for place in range(1, min(k, len(relevant)) + 1):
        ideal += 1 / math.log2(place + 1)
    return gain / ideal


def average_precision(ranked, relevant, k):
    hits, total = 0, 0.0
    for place, item in enumerate(ranked[:k], start=1):
        if item in relevant:
            hits += 1
            total += hits / place
    return total / min(k, len(relevant))


def reciprocal_rank(ranked, relevant, k):
    for place, item in enumerate(ranked[:k], start=1):
        if item in relevant:
            return 1 / place
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
    """Pair by pair; `ranked` holds all candidates."""
    others = [item for item in ranked if item not in relevant]
    if not others:
        return 0.5
    won = 0
    for item in relevant:
        for other in others:
            if item in ranked and ranked.index(item) < ranked.index(other):
                won += 1
    return won / (len(relevant) * len(others))


def preference_mse(scores, relevant):
    """Cell by cell; `scores` holds those of all candidates, and a relevant item that is none of them has 0."""
    total = 0.0
    cells = set(scores) | relevant
    for item in cells:
        preference = 1.0 if item in relevant else 0.0
        total += (preference - scores.get(item, 0.0)) ** 2
    return total / len(cells)


def judge(fitted, evaluated, known_users, known_items):
    """The rule of which evaluated pairs are relevant: (relevant pairs, whether seen pairs are candidates).

    `fitted` and `evaluated` are sets of (user, item) pairs of positive strength.
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
    """Items from best to worst; equal scores in the order of the items."""
    left = [item for item in scores if item not in excluded]
    return sorted(left, key=lambda item: (-scores[item], item))


def mean_over_users(metric, lists, relevant_pairs, k):
    """Mean over the users that have a relevant pair; one without a list has an empty one."""
    relevant = {}
    for user, item in relevant_pairs:
        relevant.setdefault(user, set()).add(item)
    values = []
    for user, items in relevant.items():
        values.append(metric(lists.get(user, []), items, k))
    return sum(values) / len(values)
