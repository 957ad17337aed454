#!/usr/bin/env python3
"""HOTA, CLEAR and identity scores a second time: written from the papers and from the rules of KITTI,
without looking at ours, to compare with `outrider eval tracks --json`. Plain Python.

HOTA: Luiten et al. 2020. CLEAR: Bernardin and Stiefelhagen 2008, with the rule that a pair of the
frame before is kept where it still overlaps. Identity: Ristani et al. 2016.

usage: track_scores.py TRUTH TRACKS [CLASS [SEQUENCE ...]]     (KITTI's files)
       track_scores.py --mot TRUTH TRACKS [SEQUENCE ...]
"""
import json
import math
import os
import sys
from collections import Counter, defaultdict

EPS = 2.0**-52
ALPHAS = [0.05 * i for i in range(1, 20)]
NEIGHBOURS = {"car": {"van"}, "pedestrian": {"person", "person_sitting"}}
MOT_DISTRACTORS = {2, 7, 8, 12}


def shared_area(a, b):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    return w * h if w > 0 and h > 0 else 0.0


def area(b):
    return (b[2] - b[0]) * (b[3] - b[1])


def iou(a, b):
    s = shared_area(a, b)
    return s / (area(a) + area(b) - s) if s > 0 else 0.0


def best_pairs(weight):
    """Pairs (row, column) of the greatest total weight, without those of weight 0: {(r, c): w > 0}.
    The Hungarian method with potentials, on a square matrix of costs."""
    rows = sorted({r for r, _ in weight})
    columns = sorted({c for _, c in weight})
    n = max(len(rows), len(columns))
    if not n:
        return []
    top = max(weight.values())
    cost = [[top] * n for _ in range(n)]
    row_at = {r: i for i, r in enumerate(rows)}
    column_at = {c: i for i, c in enumerate(columns)}
    for (r, c), w in weight.items():
        cost[row_at[r]][column_at[c]] = top - w
    u, v, owner, way = [0.0] * (n + 1), [0.0] * (n + 1), [0] * (n + 1), [0] * (n + 1)
    for i in range(1, n + 1):
        owner[0], j = i, 0
        least, used = [math.inf] * (n + 1), [False] * (n + 1)
        while owner[j]:
            used[j] = True
            delta, following = math.inf, 0
            for k in range(1, n + 1):
                if not used[k]:
                    d = cost[owner[j] - 1][k - 1] - u[owner[j]] - v[k]
                    if d < least[k]:
                        least[k], way[k] = d, j
                    if least[k] < delta:
                        delta, following = least[k], k
            for k in range(n + 1):
                if used[k]:
                    u[owner[k]] += delta
                    v[k] -= delta
                else:
                    least[k] -= delta
            j = following
        while j:
            owner[j] = owner[way[j]]
            j = way[j]
    pairs = []
    for j in range(1, n + 1):
        i = owner[j] - 1
        if i < len(rows) and j - 1 < len(columns) and weight.get((rows[i], columns[j - 1]), 0) > 0:
            pairs.append((rows[i], columns[j - 1]))
    return pairs


# ---- reading ---------------------------------------------------------------------------------------
def kitti_rows(path):
    with open(path) as f:
        for line in f:
            v = line.split()
            if v:
                yield (int(v[0]), int(v[1]), v[2].lower(), float(v[3]), float(v[4]),
                       tuple(map(float, v[6:10])))


def kitti_frames(truth_path, tracks_path, wanted):
    """per frame ({id: box}, {id: box}) of what counts"""
    truths, regions, guesses = defaultdict(list), defaultdict(list), defaultdict(dict)
    for frame, number, kind, cut, hidden, box in kitti_rows(truth_path):
        if kind == "dontcare":
            regions[frame].append(box)
        elif kind == wanted or kind in NEIGHBOURS.get(wanted, ()):
            truths[frame].append((number, box, kind == wanted and cut <= 0 and hidden <= 2))
    for frame, number, kind, _, _, box in kitti_rows(tracks_path):
        if kind == wanted:
            guesses[frame][number] = box
    for frame in sorted(set(truths) | set(guesses)):
        near = {}
        for i, (_, box, _) in enumerate(truths[frame]):
            for number, other in guesses[frame].items():
                if iou(box, other) >= 0.5 - EPS:
                    near[i, number] = iou(box, other)
        pairs = best_pairs(near)
        drop = {number for i, number in pairs if not truths[frame][i][2]}
        for number in set(guesses[frame]) - {n for _, n in pairs}:
            box = guesses[frame][number]
            inside = any(shared_area(box, r) / area(box) > 0.5 + EPS
                         for r in regions[frame] if area(box) > 0)
            if inside or box[3] - box[1] <= 25 + EPS:
                drop.add(number)
        yield ({n: b for n, b, counts in truths[frame] if counts},
               {n: b for n, b in guesses[frame].items() if n not in drop})


def mot_rows(path):
    with open(path) as f:
        for line in f:
            v = line.split(",")
            if len(v) > 1:
                x, y, w, h = map(float, v[2:6])
                yield (int(v[0]), int(float(v[1])), (x, y, x + w, y + h),
                       float(v[6]) if len(v) > 6 else 1, int(float(v[7])) if len(v) > 7 else -1)


def mot_frames(truth_path, tracks_path):
    truths, guesses = defaultdict(list), defaultdict(dict)
    for frame, number, box, flag, kind in mot_rows(truth_path):
        truths[frame].append((number, box, flag != 0 and kind in (1, -1), kind in MOT_DISTRACTORS))
    for frame, number, box, _, _ in mot_rows(tracks_path):
        guesses[frame][number] = box
    for frame in sorted(set(truths) | set(guesses)):
        near = {(i, n): iou(t[1], b) for i, t in enumerate(truths[frame])
                for n, b in guesses[frame].items() if iou(t[1], b) >= 0.5 - EPS}
        drop = {n for i, n in best_pairs(near) if truths[frame][i][3]}
        yield ({n: b for n, b, counts, _ in truths[frame] if counts},
               {n: b for n, b in guesses[frame].items() if n not in drop})


# ---- scores ----------------------------------------------------------------------------------------
def score(frames):
    """sums of one sequence, from which the scores of any number of sequences follow"""
    frames = [(t, g, {(a, b): s for a in t for b in g if (s := iou(t[a], g[b])) > 0})
              for t, g in frames]
    of_truth, of_guess = Counter(), Counter()
    for truths, guesses, _ in frames:
        of_truth.update(list(truths))
        of_guess.update(list(guesses))
    out = Counter(truths=sum(of_truth.values()), guesses=sum(of_guess.values()),
                  truth_ids=len(of_truth), guess_ids=len(of_guess))

    # HOTA
    likeness = Counter()
    for truths, guesses, near in frames:
        by_truth, by_guess = Counter(), Counter()
        for (a, b), s in near.items():
            by_truth[a] += s
            by_guess[b] += s
        for (a, b), s in near.items():
            likeness[a, b] += s / (by_truth[a] + by_guess[b] - s)
    aligned = {(a, b): v / (of_truth[a] + of_guess[b] - v) for (a, b), v in likeness.items()}
    hits = [(pair, near[pair]) for _, _, near in frames
            for pair in best_pairs({p: aligned[p] * s for p, s in near.items()})]
    for k, alpha in enumerate(ALPHAS):
        counts = Counter()
        for pair, s in hits:
            if s >= alpha - EPS:
                counts[pair] += 1
                out["loc", k] += s
        out["tp", k] = sum(counts.values())
        for (a, b), n in counts.items():
            out["ass", k] += n * n / (of_truth[a] + of_guess[b] - n)

    # CLEAR
    ever, just_now, matched, begun = {}, {}, Counter(), Counter()
    for truths, guesses, near in frames:
        if not truths or not guesses:
            continue
        pairs = best_pairs({(a, b): s + 1000 * (just_now.get(a) == b)
                            for (a, b), s in near.items() if s >= 0.5 - EPS})
        for a, b in pairs:
            out["hits"] += 1
            out["overlap"] += near[a, b]
            out["switches"] += a in ever and ever[a] != b
            matched[a] += 1
            begun[a] += a not in just_now
        ever.update(pairs)
        just_now = dict(pairs)
    out["fragments"] = sum(n - 1 for n in begun.values() if n)
    out["mostly_tracked"] = sum(matched[a] / n > 0.8 for a, n in of_truth.items())
    out["mostly_lost"] = sum(matched[a] / n < 0.2 for a, n in of_truth.items())

    # identity
    together = Counter(p for _, _, near in frames for p, s in near.items() if s >= 0.5)
    out["idtp"] = sum(together[p] for p in best_pairs(dict(together)))
    return out


def ratio(a, b):
    return a / b if b else 0.0


def numbers(s):
    tps = [s["tp", k] for k in range(19)]
    det = [ratio(tp, s["truths"] + s["guesses"] - tp) for tp in tps]
    ass = [ratio(s["ass", k], tp) for k, tp in enumerate(tps)]
    out = {
        "hota": sum(math.sqrt(d * a) for d, a in zip(det, ass)) / 19,
        "deta": sum(det) / 19,
        "assa": sum(ass) / 19,
        "loca": sum(s["loc", k] / tp if tp else 1.0 for k, tp in enumerate(tps)) / 19,
        "mota": ratio(s["hits"] - (s["guesses"] - s["hits"]) - s["switches"], s["truths"]),
        "motp": ratio(s["overlap"], s["hits"]),
        "idf1": ratio(2 * s["idtp"], s["truths"] + s["guesses"]),
        "idp": ratio(s["idtp"], s["guesses"]),
        "idr": ratio(s["idtp"], s["truths"]),
        "false_alarms": s["guesses"] - s["hits"],
        "misses": s["truths"] - s["hits"],
    }
    for key in ("truths", "guesses", "truth_ids", "guess_ids", "switches", "fragments",
                "mostly_tracked", "mostly_lost"):
        out[key] = s[key]
    return out


def main(arguments):
    mot = arguments[:1] == ["--mot"]
    truth, tracks, *rest = arguments[mot:]
    wanted = None if mot else (rest.pop(0) if rest else "car")
    if os.path.isdir(truth):
        names = [n for n in sorted(os.listdir(truth)) if n.endswith(".txt")]
        names = [n for n in names if not rest or n[:-4] in rest]
        pairs = [(n[:-4], os.path.join(truth, n), os.path.join(tracks, n)) for n in names]
    else:
        pairs = [(os.path.basename(truth)[:-4], truth, tracks)]
    total, each = Counter(), {}
    for name, a, b in pairs:
        s = score(mot_frames(a, b) if mot else kitti_frames(a, b, wanted))
        total.update(s)
        each[name] = numbers(s)
    json.dump({"all": numbers(total), "sequences": each}, sys.stdout, indent=1)


if __name__ == "__main__":
    main(sys.argv[1:])
