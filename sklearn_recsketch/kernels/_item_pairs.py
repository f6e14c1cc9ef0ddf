"""Numbers of common users of items, nearest neighbours of items, and sums of the weights of pairs of items."""

from __future__ import annotations

import numpy as np

from sklearn_recsketch.kernels._jit import inlined, jit

__all__ = ["count_common_users", "nearest_items", "sum_weights"]

F = np.float32


@jit
def count_common_users(start, stop, item_users, user_items, out):
    """Write the number of common users of items i and j to ``out[i, j]``, for i in [start, stop) and all j <= i.

    Parameters
    ----------
    item_users, user_items : Rows
        [in] Users of each item, and items of each user. Column indices are sorted. The values are not used.
    out : float32 array (n_items, n_items)
        [out] Elements above the diagonal are not written.
    """
    counts = np.zeros(stop, np.int32)  # float32 cannot count beyond 2^24
    for i in range(start, stop):
        for s in range(item_users.indptr[i], item_users.indptr[i + 1]):
            u = item_users.indices[s]
            for t in range(user_items.indptr[u], user_items.indptr[u + 1]):
                j = user_items.indices[t]
                if j > i:
                    break
                counts[j] += 1
        for j in range(i + 1):
            out[i, j] = counts[j]
            counts[j] = 0


@inlined
def _smallest_of_largest(values, n, k):
    """Return the k-th largest of the first n values, which are reordered (quickselect)."""
    low, high = 0, n - 1
    while low < high:
        pivot = values[(low + high) // 2]
        a, b = low, high
        while a <= b:
            while values[a] > pivot:
                a += 1
            while values[b] < pivot:
                b -= 1
            if a <= b:
                values[a], values[b] = values[b], values[a]
                a += 1
                b -= 1
        if k - 1 <= b:
            high = b
        elif k - 1 >= a:
            low = a
        else:
            break
    return values[k - 1]


@inlined
def _sort(values, n):
    """Sort the first n values in place (Shell sort, which compiles in a tenth of the time of ``values.sort()``)."""
    gap = 1
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for a in range(gap, n):
            value = values[a]
            b = a
            while b >= gap and values[b - gap] > value:
                values[b] = values[b - gap]
                b -= gap
            values[b] = value
        gap //= 3


@inlined
def _select(found, scores, n, k, work, equal, chosen):
    """Write the k items with the largest scores to `chosen`, in any order.

    `found` holds n > k items. Among equal scores, the items with the smallest indices are chosen. `work` and `equal`
    have room for n values.
    """
    for t in range(n):
        work[t] = scores[t]
    least = _smallest_of_largest(work, n, k)
    above = 0
    for t in range(n):
        if scores[t] > least:
            chosen[above] = found[t]
            above += 1
    n_equal = 0
    for t in range(n):
        if scores[t] == least:
            equal[n_equal] = found[t]
            n_equal += 1
    _sort(equal, n_equal)
    for t in range(above, k):
        chosen[t] = equal[t - above]


@jit
def nearest_items(start, stop, item_users, user_items, user_weights, item_weights, items, similarities, lengths):
    """Find the most similar items of each item in [start, stop).

    The similarity of items i and j is ``item_weights[i] item_weights[j] sum_u user_weights[u]``, summed over their
    common users. Only items with a positive similarity are neighbours.

    Parameters
    ----------
    item_users, user_items : Rows
        [in] Users of each item, and items of each user. The values are not used.
    user_weights, item_weights : float32 arrays (n_users,) and (n_items,)
        [in] Non-negative weights.
    items, similarities : int32 and float32 arrays (n_items, k)
        [out] Neighbours in the order of their indices, and their similarities.
    lengths : int64 array (n_items,)
        [out] Number of neighbours of each item, at most k.
    """
    n_items, k = items.shape
    sums = np.zeros(n_items, np.float64)  # a million terms would lose three digits in float32
    found = np.empty(n_items, np.int32)
    scores = np.empty(n_items, np.float32)
    work = np.empty(n_items, np.float32)
    equal = np.empty(n_items, np.int32)
    for i in range(start, stop):
        n_terms = 0
        for s in range(item_users.indptr[i], item_users.indptr[i + 1]):
            u = item_users.indices[s]
            w = user_weights[u]
            n_terms += user_items.indptr[u + 1] - user_items.indptr[u]
            for t in range(user_items.indptr[u], user_items.indptr[u + 1]):
                sums[user_items.indices[t]] += w
        sums[i] = 0.0
        n = 0
        if 2 * n_terms > n_items:
            for j in range(n_items):
                score = F(sums[j] * item_weights[j])
                if score > F(0):
                    found[n] = j
                    scores[n] = score
                    n += 1
        else:
            for s in range(item_users.indptr[i], item_users.indptr[i + 1]):
                u = item_users.indices[s]
                for t in range(user_items.indptr[u], user_items.indptr[u + 1]):
                    j = user_items.indices[t]
                    score = F(sums[j] * item_weights[j])
                    if score > F(0):
                        found[n] = j
                        scores[n] = score
                        n += 1
                        sums[j] = -sums[j]  # marks items that were found
        lengths[i] = min(n, k)
        if n > k:
            _select(found, scores, n, k, work, equal, items[i])
        else:
            for t in range(n):
                items[i, t] = found[t]
        _sort(items[i], lengths[i])
        for t in range(lengths[i]):
            j = items[i, t]
            similarities[i, t] = F(abs(sums[j]) * item_weights[j]) * item_weights[i]
        if 2 * n_terms > n_items:
            for j in range(n_items):
                sums[j] = 0.0
        else:
            for s in range(item_users.indptr[i], item_users.indptr[i + 1]):
                u = item_users.indices[s]
                for t in range(user_items.indptr[u], user_items.indptr[u + 1]):
                    sums[user_items.indices[t]] = 0.0


@jit
def sum_weights(start, stop, history, weights, out):
    """Write the sum of the rows of `weights` for the items in a user's history to ``out[u]``, for u in [start, stop).

    Parameters
    ----------
    history, weights : Rows
        [in] Items of each user, and weights of pairs of items. The values of `history` are not used.
    out : float32 array (n_users, n_items)
        [out] Sums.
    """
    for u in range(start, stop):
        row = out[u]
        for j in range(len(row)):
            row[j] = F(0)
        for s in range(history.indptr[u], history.indptr[u + 1]):
            i = history.indices[s]
            for t in range(weights.indptr[i], weights.indptr[i + 1]):
                row[weights.indices[t]] += weights.data[t]
