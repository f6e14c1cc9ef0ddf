"""NumPy reference implementations of the kernels: plain formulas and loops on dense float64 matrices."""

from __future__ import annotations

import math

import numpy as np

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
M1, M2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


# Random numbers, in Python integers modulo 2**64.


def mix(x):
    x = ((x ^ (x >> 30)) * M1) & MASK
    x = ((x ^ (x >> 27)) * M2) & MASK
    return x ^ (x >> 31)


def stream_key(seed, epoch):
    return mix((seed * GOLDEN + epoch * 0xD1342543DE82EF95 + 1) & MASK)


def draw_below(key, t, n):
    return ((mix((key + t * GOLDEN) & MASK) >> 32) * n) >> 32


def half_bits_of(n):
    return (max(n - 1, 1).bit_length() + 1) // 2


def shuffled(position, n, key):
    half_bits = half_bits_of(n)
    mask = (1 << half_bits) - 1
    x = position
    while True:
        left, right = x >> half_bits, x & mask
        for r in range(3):
            f = (((right + key + r * GOLDEN) & MASK) * M1 & MASK) >> 40
            left, right = right, (left ^ f) & mask
        x = (left << half_bits) | right
        if x < n:
            return x


# WRMF.


def transformed(strengths, kind="linear", scale=1.0):
    """Return the transformed strength t(d) of every pair, which is 0 for strength 0."""
    if kind == "log":
        return np.log1p(strengths)
    if kind == "scaled_log":
        return np.array([_scaled_log(d / scale) for d in np.ravel(strengths)]).reshape(np.shape(strengths))
    return strengths


def _scaled_log(share):
    return 1 + math.log(share) if share > 1 else share


def confidences(strengths, alpha, kind="linear", scale=1.0):
    """Return the confidence c of every pair, which is 1 for strength 0."""
    return 1 + alpha * transformed(strengths, kind, scale)


def pair_loss(strengths, users, items, alpha, kind="linear", scale=1.0):
    """Return the sum of ``c (p - x.y)^2`` by a loop over all pairs."""
    c = confidences(strengths, alpha, kind, scale)
    total = 0.0
    for u in range(len(users)):
        for i in range(len(items)):
            p = 1.0 if strengths[u, i] > 0 else 0.0
            total += c[u, i] * (p - float(np.dot(users[u], items[i]))) ** 2
    return total


def penalty(embeddings, lam):
    """Return the sum of ``lam |row|^2``."""
    return float(np.sum(lam * np.square(embeddings.astype(np.float64)).sum(axis=1)))


def scaled_penalties(strengths, alpha, regularization, scaling, kind="linear"):
    """Return lam of each row of `strengths` for a value of `regularization_scaling`."""
    w = confidences(strengths, alpha, kind).sum(axis=1)
    return regularization * (w / w.mean()) ** scaling


def popularity_penalties(strengths, regularization, kind="linear", scale=1.0):
    """Return lam of each row of `strengths`, proportional to the square root of its total."""
    totals = [sum(transformed(row, kind, scale).ravel()) for row in strengths]
    return np.array([regularization * math.sqrt(total / np.mean(totals)) for total in totals])


def user_gradient(strengths, users, items, lam, alpha, kind="linear", scale=1.0):
    """Return the gradient of the loss with respect to user vectors, and the size of the terms that cancel in it."""
    c = confidences(strengths, alpha, kind, scale)
    pull = (c * (strengths > 0)) @ items
    push = (c * (users @ items.T)) @ items + np.reshape(lam, (-1, 1)) * users
    return 2 * (push - pull), 2 * np.abs(pull).max()


def solve_row(excess, items, lam, prior=None):
    """Return the solution of one row, given its excess confidences, which are 0 for other items."""
    A = items.T @ items + items.T @ (excess[:, None] * items) + lam * np.eye(items.shape[1])
    b = items.T @ np.where(excess > 0, 1 + excess, 0)
    return np.linalg.solve(A, b + (0 if prior is None else lam * prior))


def score_shares(strengths, items, lam, item, alpha, kind="linear", prior_parts=()):
    """Return the contributions to a score of each interaction of a user and of each part of the user's prior."""
    C = np.diag(confidences(strengths, alpha, kind))
    inverse = np.linalg.inv(items.T @ C @ items + lam * np.eye(items.shape[1]))
    history = {j: C[j, j] * item @ inverse @ items[j] for j in np.flatnonzero(strengths)}
    return history, [lam * item @ inverse @ part for part in prior_parts]


# Top-k.


def top_items(scores, excluded, k):
    """Return the k best columns of each row that are not excluded; ties are broken by column."""
    best = []
    for row, is_excluded in zip(scores, excluded):
        order = np.argsort(-row, kind="stable")
        best.append([int(j) for j in order if not is_excluded[j]][:k])
    return best


def candidates_before(scores, wanted, excluded):
    """Count the candidates with a better score than each wanted item, or the same score and a smaller number."""
    before = []
    for row, is_wanted, is_excluded in zip(scores, wanted, excluded):
        for i in range(len(row)):
            if not is_wanted[i]:
                continue
            before.append(0)
            for j in range(len(row)):
                if not is_excluded[j] and (row[j] > row[i] or (row[j] == row[i] and j < i)):
                    before[-1] += 1
    return before


# WARP and BPR.


class Side:
    """Users or items: vectors with the accumulators of Adagrad, and the embeddings of their features."""

    def __init__(self, own, penalty, features=None, shared=None, weight=1.0, feature_penalty=0.0):
        self.weight, self.feature_penalty = weight, feature_penalty
        n, K = np.shape(own)
        self.F = np.zeros((n, 0)) if features is None else np.asarray(features, dtype=np.float64)
        self.W = np.zeros((0, K + 1)) if shared is None else np.array(shared, dtype=np.float64)
        self.G, self.Gb = np.ones(n), np.ones(n)
        self.penalty = np.broadcast_to(penalty, n) / (weight**2 if weight else 1.0)
        rows = weight * np.hstack([np.array(own, dtype=np.float64), np.zeros((n, 1))]) + self.F @ self.W
        self.vectors, self.biases = rows[:, :K].copy(), rows[:, K].copy()
        self.before = rows
        self.relevance = 0.0

    def move(self, row, direction, sign, rate, bias_rate):
        self.vectors[row] += sign * rate / math.sqrt(self.G[row]) * direction
        self.G[row] += sign**2 * np.mean(direction**2)
        self.biases[row] += bias_rate * sign / math.sqrt(self.Gb[row])
        self.Gb[row] += sign * sign

    def finish_part(self, rate):
        # Every component uses the learning rate of its row; features use the mean over rows.
        K = self.vectors.shape[1]
        rates = rate / np.sqrt(np.hstack([np.tile(self.G[:, None], K), self.Gb[:, None]]))
        rows = np.hstack([self.vectors, self.biases[:, None]])
        own = rows - self.F @ self.W
        if self.F.shape[1]:
            moved = rows - self.before
            if self.weight:
                moved = moved - moved.mean(axis=0)
            step = ridge_step(self.F, moved, 1.0)
            self.W += self.share(step, moved) * step
            self.W *= np.exp(-2 * rates.mean(axis=0) * self.feature_penalty)
        own = own * np.exp(-2 * rates * self.penalty[:, None]) if self.weight else 0 * own
        self.before = own + self.F @ self.W
        self.vectors, self.biases = self.before[:, :-1].copy(), self.before[:, -1].copy()

    def share(self, step, moved):
        """Return GAIN times the relevance of features times their share of the variance of rows that have them."""
        if not self.weight:
            return 1.0
        self.relevance = max(0.97 * self.relevance, left_out_correlation(self.F, moved, 1.0))
        squares = np.sum(self.F**2, axis=1)
        ratio = squares[squares > 0].mean() / self.weight**2
        return 20.0 * self.relevance * ratio / (1 + ratio)


def left_out_correlation(F, D, penalty):
    """Return the correlation of the rows of D with leave-one-out predictions from their features.

    The embedding of a feature is its sum over the other rows, divided by the diagonal of the normal matrix.
    """
    diagonal = np.sum(F**2, axis=0) + penalty
    predicted = np.zeros_like(D)
    for r in range(len(D)):
        others = np.arange(len(D)) != r
        predicted[r] = F[r] @ (F[others].T @ D[others] / diagonal[:, None])
    return np.sum(predicted * D) / math.sqrt(np.sum(predicted**2) * np.sum(D**2))


def ridge_step(F, D, penalty):
    """Return W after one step of preconditioned steepest descent on ``|D - F W|^2 + penalty |W|^2``, starting at 0."""
    gradient = F.T @ D
    direction = gradient / (np.sum(F**2, axis=0) + penalty)[:, None]
    curvature = np.sum((F @ direction) ** 2) + penalty * np.sum(direction**2)
    return direction * (np.sum(gradient * direction) / curvature)


def sgd_epoch(
    positives, known, users, items, *, key, rate, margin=0.0, rank_weights=None, by_popularity=False, parts=4, block=128
):
    """Run one epoch over `positives`, a list of (u, i, strength) sorted by pair; returns the summed loss.

    Without `rank_weights` the loss is that of BPR. `known` is the set of pairs that are never negatives.
    """
    n, total = len(positives), 0.0
    pool = [i for _, i in sorted(known)] if by_popularity else range(len(items.vectors))
    size = math.ceil(math.ceil(n / block) / parts) * block
    for start in range(0, n, size):
        stop = min(n, start + size)
        for q in range(start, stop, block):
            pairs = [positives[shuffled(p, n, key)] for p in range(q, min(q + block, stop))]
            if rank_weights is not None:
                width = 16 if len(rank_weights) <= 17 else 32
                for a in range(0, len(pairs), 2 * width):
                    draws = mix((key + (q + a) * GOLDEN) & MASK)
                    part = pairs[a : a + 2 * width]
                    total += warp_block(part, known, users, items, draws, rate, margin, rank_weights, width)
            else:
                for p, (u, i, strength) in enumerate(pairs, start=q):
                    loss, weight, j = bpr_step(u, i, known, users, items, pool, mix((key + p * GOLDEN) & MASK))
                    total += strength * loss
                    take_step(users, items, u, i, j, weight * strength, rate)
        for side in (users, items):
            side.finish_part(rate * (stop - start) / n)
    return total


def take_step(users, items, u, i, j, weight, rate):
    if weight == 0:
        return
    x = users.vectors[u].copy()
    d = items.vectors[i] - items.vectors[j]
    users.move(u, d, weight, rate, 0.0)
    items.move(i, x, weight, rate, rate)
    items.move(j, x, -weight, rate, rate)


def score_difference(users, items, u, i, j):
    return users.vectors[u] @ (items.vectors[i] - items.vectors[j]) + items.biases[i] - items.biases[j]


def warp_block(pairs, known, users, items, key, rate, margin, rank_weights, width):
    """Run WARP on pairs that share their candidates; returns the summed loss.

    `width` candidates are drawn at a time, until all pairs have taken a step or have made all draws.
    """
    max_sampled, total = len(rank_weights) - 1, 0.0
    x = [users.vectors[u].copy() for u, _, _ in pairs]
    thresholds = [x[p] @ items.vectors[i] + items.biases[i] - margin for p, (_, i, _) in enumerate(pairs)]
    left = list(range(len(pairs)))
    for drawn in range(0, max_sampled, width):
        draws = mix((key + drawn * GOLDEN) & MASK)
        candidates = [draw_below(draws, m, len(items.vectors)) for m in range(width)]
        scores = [[x[p] @ items.vectors[j] + items.biases[j] for j in candidates] for p in left]
        stepped = set()
        for row, p in enumerate(left):
            u, i, strength = pairs[p]
            offset = draw_below(draws, width + row, width)
            for t in range(1, min(width, max_sampled - drawn) + 1):
                m = (offset + t - 1) % width
                difference = score_difference(users, items, u, i, candidates[m])
                if scores[row][m] > thresholds[p] and difference < margin and (u, candidates[m]) not in known:
                    weight = float(rank_weights[drawn + t]) * strength
                    total += weight * (margin - difference)
                    take_step(users, items, u, i, candidates[m], weight, rate)
                    stepped.add(p)
                    break
        left = [p for p in left if p not in stepped]
    return total


def bpr_step(u, i, known, users, items, pool, draws):
    """Return loss, weight and the first sampled item that u does not know; the weight is 0 if 32 draws find none."""
    for t in range(1, 33):
        j = pool[draw_below(draws, t, len(pool))]
        if (u, j) not in known:
            difference = score_difference(users, items, u, i, j)
            return math.log1p(math.exp(-difference)), 1 / (1 + math.exp(difference)), j
    return 0.0, 0.0, -1
