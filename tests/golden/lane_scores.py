#!/usr/bin/env python3
"""TuSimple's and CULane's scores of lanes a second time: written from their definitions, without
looking at ours, to compare with `outrider eval lanes --json`. Plain Python.

usage: lane_scores.py LABELS PREDICTIONS [--ego] [WIDTHxHEIGHT]
"""
import itertools
import json
import math
import sys


def lines(path):
    with open(path) as f:
        return [json.loads(line) for line in f if line.strip()]


def rows_of(points, rows):
    """x of a polyline in each row"""
    out = []
    for y in rows:
        x = None
        for (xa, ya), (xb, yb) in zip(points, points[1:]):
            if x is None and min(ya, yb) <= y <= max(ya, yb):
                x = xa if ya == yb else xa + (xb - xa) * (y - ya) / (yb - ya)
                x = x if x >= 0 else None
        out.append(-2 if x is None else x)
    return out


def fit(xs, rows):
    """(x at row 0, slope) of the straight line through what is there"""
    here = [(y, x) for x, y in zip(xs, rows) if x >= 0]
    my, mx = (sum(v) / len(here) for v in zip(*here))
    spread = sum((y - my) ** 2 for y, _ in here)
    slope = sum((x - mx) * (y - my) for y, x in here) / spread if spread else 0.0
    return mx - slope * my, slope


def tusimple(truths, guesses, rows, pixels):
    if len(guesses) > len(truths) + 2:
        return 0.0, 0.0, 1.0
    best = []
    for t in truths:
        near = pixels / math.cos(math.atan(fit(t, rows)[1])) if any(x >= 0 for x in t) else pixels
        best.append(max((sum((a < 0 and b < 0) or (a >= 0 and b >= 0 and abs(a - b) < near) or
                             (min(a, b) < 0 <= max(a, b) and max(a, b) + 100 < near)
                             for a, b in zip(t, g)) / len(rows) for g in guesses), default=0.0))
    missed = sum(b < 0.85 for b in best)
    hits = len(best) - missed
    total = sum(best)
    if len(truths) > 4:
        total -= min(best)
        missed -= missed > 0
    counted = max(min(len(truths), 4), 1)
    return (total / counted, (len(guesses) - hits) / len(guesses) if guesses else 0.0,
            missed / counted)


def pixels_of(xs, rows, width, height, line):
    points = [(x, y) for x, y in zip(xs, rows) if x >= 0]
    pieces = list(zip(points, points[1:])) or [(p, p) for p in points]
    r, out = line / 2, set()
    for (xa, ya), (xb, yb) in pieces:
        length = (xb - xa) ** 2 + (yb - ya) ** 2
        for py in range(max(0, int(min(ya, yb) - r - 1)), min(height, int(max(ya, yb) + r + 2))):
            for px in range(max(0, int(min(xa, xb) - r - 1)),
                            min(width, int(max(xa, xb) + r + 2))):
                if (px, py) in out:
                    continue
                cx, cy = px + 0.5 - xa, py + 0.5 - ya
                along = 0 if not length else (cx * (xb - xa) + cy * (yb - ya)) / length
                along = min(max(along, 0), 1)
                if (cx - along * (xb - xa)) ** 2 + (cy - along * (yb - ya)) ** 2 <= r * r:
                    out.add((px, py))
    return out


def culane(truths, guesses, rows, width, height):
    """hits, false alarms, misses; trying every pairing"""
    line = 30 / 1640 * width
    a = [pixels_of(t, rows, width, height, line) for t in truths]
    b = [pixels_of(g, rows, width, height, line) for g in guesses]
    iou = [[len(x & y) / len(x | y) if x | y else 0.0 for y in b] for x in a]
    turned = len(a) > len(b)
    few, many = (len(b), len(a)) if turned else (len(a), len(b))
    best, hits = -1.0, 0
    for order in itertools.permutations(range(many), few):
        of = [iou[o][i] if turned else iou[i][o] for i, o in enumerate(order)]
        if sum(of) > best:
            best, hits = sum(of), sum(v > 0.5 for v in of)
    return hits, len(b) - hits, len(a) - hits


def own_lane(lanes, roles, rows, width):
    if any(roles):
        sides = [[lane for lane, role in zip(lanes, roles) if role == side][-1:] for side in (1, -1)]
    else:
        at = []
        for lane in lanes:
            if any(x >= 0 for x in lane):
                start, slope = fit(lane, rows)
                at.append((width / 2 - (start + slope * rows[-1]), lane))
        sides = [[lane for off, lane in sorted(at, key=lambda v: v[0]) if off >= 0][:1],
                 [lane for off, lane in sorted(at, key=lambda v: -v[0]) if off <= 0][:1]]
    return sides[0] + sides[1]


def main(arguments):
    ego = "--ego" in arguments
    labels, predictions, *size = [a for a in arguments if a != "--ego"]
    default = tuple(map(int, size[0].split("x"))) if size else (1280, 720)
    seen = {p.get("raw_file", p.get("image")): p for p in lines(predictions)}
    n, sums, hits = 0, [0.0] * 3, [0] * 3
    for label in lines(labels):
        parts, rows = label["raw_file"].split("/"), label["h_samples"]
        p = next((seen[name] for i in range(len(parts))
                  if (name := "/".join(parts[i:])) in seen), None)
        if p is None or "error" in p:
            continue
        width, height = p.get("width", default[0]), p.get("height", default[1])
        guesses = [(g, 0) if "raw_file" in p else (rows_of(g["points"], rows), g.get("role") or 0)
                   for g in p["lanes"]]
        guesses = [(g, r) for g, r in guesses if any(x >= 0 for x in g)]
        roles = [r for _, r in guesses]
        truths, guesses = label["lanes"], [g for g, _ in guesses]
        if ego:
            truths = own_lane(truths, [0] * len(truths), rows, width)
            guesses = own_lane(guesses, roles, rows, width)
        n += 1
        for total, new in ((sums, tusimple(truths, guesses, rows, 20 / 1280 * width)),
                           (hits, culane(truths, guesses, rows, width, height))):
            for i in range(3):
                total[i] += new[i]
    tp, fp, fn = hits
    json.dump({"pictures": n,
               "tusimple": {"accuracy": sums[0] / n, "fp": sums[1] / n, "fn": sums[2] / n},
               "culane": {"f1": 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None,
                          "hits": tp, "false_alarms": fp, "misses": fn}}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
