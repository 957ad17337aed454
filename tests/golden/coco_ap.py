#!/usr/bin/env python3
"""Average precision after the COCO definition, a second time: written from the definition and from
the description of the sets, without looking at ours, to compare with `outrider eval objects --json`.

usage: coco_ap.py SET PREDICTIONS [MAX_DETECTIONS]
"""
import json
import math
import os
import sys
from collections import defaultdict

VEHICLES = {"car", "truck", "bus"}
STANDS_FOR = {"vehicle": VEHICLES, "sign_or_light": {"traffic_light", "traffic_sign"}}
AREAS = {"all": (0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}
IOUS = [0.5 + i * ((0.95 - 0.5) / 9) for i in range(9)] + [0.95]


def stands_for(name):
    return frozenset(STANDS_FOR.get(name, {name}))


class Set:
    def __init__(self, folder):
        with open(os.path.join(folder, "classes.txt")) as f:
            self.names = [line.strip() for line in f if line.strip()]
        try:
            with open(os.path.join(folder, "set.json")) as f:
                about = json.load(f)
        except FileNotFoundError:
            about = {"classes_labelled": range(len(self.names)), "merged": {}}
        merged = about.get("merged", {})
        self.groups = {}  # scored class -> the classes it stands for
        for label in about["classes_labelled"]:
            group = set(stands_for(self.names[label]))
            for other in merged.get(str(label), []):
                group |= stands_for(self.names[other])
            self.groups[self.names[label]] = frozenset(group)
        self.pictures = sorted(
            n for n in os.listdir(os.path.join(folder, "images"))
            if n.rsplit(".", 1)[-1].lower() in ("jpg", "jpeg", "png"))
        self.folder = folder

    def boxes(self, kind, picture, width, height):
        """(group, x, y, w, h) in pixels"""
        path = os.path.join(self.folder, kind, picture.rsplit(".", 1)[0] + ".txt")
        if not os.path.isdir(os.path.join(self.folder, kind)):
            return
        with open(path) as f:
            for line in f:
                if not line.strip():
                    continue
                label, cx, cy, w, h = line.split()
                name = self.names[int(label)]
                group = self.groups.get(name) or next(
                    g for g in self.groups.values() if name in g)
                yield (group, (float(cx) - float(w) / 2) * width,
                       (float(cy) - float(h) / 2) * height, float(w) * width, float(h) * height)


def intersection(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return w * h if w > 0 and h > 0 else 0.0


def match_picture(truths, detections, iou_min, area, taken=None):
    """[(score, is_hit)] without those that are ignored, best score first; taken gets the truth (or
    None) of each"""
    taken = [] if taken is None else taken

    def outside(box):
        return not area[0] <= box[2] * box[3] <= area[1]

    free = [t for t in truths if not t["region"] and not outside(t["box"])]
    others = [t for t in truths if t["region"] or outside(t["box"])]
    verdicts = []
    for score, box in detections:
        own = box[2] * box[3]

        def iou(t):
            shared = intersection(box, t["box"])
            whole = own if t["region"] else own + t["box"][2] * t["box"][3] - shared
            return shared / whole if shared > 0 else 0.0

        found = None
        for candidates in (free, others):
            best = iou_min
            for t in candidates:
                if iou(t) >= best:
                    best, found = iou(t), t
            if found:
                if not found["region"]:
                    candidates.remove(found)
                break
        if found is None:
            if not outside(box):
                verdicts.append((score, False))
                taken.append(None)
        elif not found["region"] and not outside(found["box"]):
            verdicts.append((score, True))
            taken.append(found)
    return verdicts


def average_precision(verdicts, n_truths):
    ranked = sorted(verdicts, key=lambda v: -v[0])  # stable
    curve, hits = [], 0
    for rank, (_, hit) in enumerate(ranked, 1):
        hits += hit
        curve.append((hits / n_truths, hits / rank))
    total = 0.0
    best_from = [0.0] * (len(curve) + 1)
    for i in reversed(range(len(curve))):
        best_from[i] = max(best_from[i + 1], curve[i][1])
    for r in range(101):
        at = next((i for i, (recall, _) in enumerate(curve) if recall >= r * 0.01), len(curve))
        total += best_from[at]
    return total / 101


def calibration_error(verdicts):
    bins = defaultdict(list)
    for s, hit in verdicts:
        bins[min(int(s * 10), 9)].append((s, hit))
    n = sum(map(len, bins.values()))
    return sum(len(b) / n * abs(sum(h for _, h in b) / len(b) - sum(s for s, _ in b) / len(b))
               for b in bins.values()) if n else math.nan


def confusion(pictures, groups, score_min):
    """{truth: {prediction: count}} over all classes at once, at an IoU of 0.5"""
    everything = frozenset().union(*groups.values())
    out = defaultdict(lambda: defaultdict(int))

    def named(classes):
        return next((n for n, g in groups.items() if classes <= g), "unclear")

    for truths, detections in pictures:
        mine = sorted((d for d in detections if d[0] <= everything), key=lambda d: -d[1])
        mine = [d for d in mine if d[1] >= score_min]
        listed = [{"box": b, "region": r, "group": g} for g, b, r in truths]
        # one at a time: ask after each who has gone
        kept, taken = [], []
        for i in range(len(mine)):
            sofar = []
            match_picture(listed, [(s, b) for _, s, b in mine[:i + 1]], 0.5, AREAS["all"], sofar)
            if len(sofar) > len(taken):
                kept.append(mine[i])
                taken = sofar
        for (classes, _, _), truth in zip(kept, taken):
            out[named(truth["group"]) if truth else "nothing"][named(classes)] += 1
        for truth in listed:
            if not truth["region"] and not any(truth is t for t in taken):
                out[named(truth["group"])]["nothing"] += 1
    return out


def score(pictures, group, limit):
    """pictures: [(truths, detections)]; truths (group, box, region), detections (may_be, score, box)"""
    chosen, ambiguous, n_detections = [], 0, 0
    for truths, detections in pictures:
        mine = [d for d in detections if d[0] <= group]
        ambiguous += sum(1 for d in detections if d[0] & group and not d[0] <= group)
        mine = sorted(mine, key=lambda d: -d[1])[:limit]
        n_detections += len(mine)
        chosen.append(([{"box": b, "region": r} for g, b, r in truths if g <= group],
                       [(s, b) for _, s, b in mine]))
    out = {"ambiguous": ambiguous, "detections": n_detections}
    for name, area in AREAS.items():
        n = sum(1 for truths, _ in chosen for t in truths
                if not t["region"] and area[0] <= t["box"][2] * t["box"][3] <= area[1])
        if name == "all":
            out["truths"] = n
        aps = []
        for iou in IOUS:
            verdicts = []
            for truths, detections in chosen:
                verdicts += match_picture(truths, detections, iou, area)
            aps.append(average_precision(verdicts, n) if n else math.nan)
            if name == "all" and iou == IOUS[0]:
                out["ece"] = calibration_error(verdicts)
        out["ap_" + name] = sum(aps) / len(aps)
        if name == "all":
            out["ap50"], out["ap75"] = aps[0], aps[5]
    out["ap"] = out.pop("ap_all")
    unknown = ambiguous or not out["truths"]
    return {k: None if k[:2] in ("ap", "ec") and (unknown or math.isnan(v)) else v
            for k, v in out.items()}


def main(folder, predictions, limit=100):
    of, seen = Set(folder), {}
    with open(predictions) as f:
        for line in f:
            if line.strip():
                entry = json.loads(line)
                seen[entry["image"]] = entry
    pictures = []
    for name in of.pictures:
        entry = seen.get(name)
        if entry is None or "error" in entry:
            continue
        truths = [(b[0], b[1:], region) for kind, region in (("labels", False), ("ignore", True))
                  for b in of.boxes(kind, name, entry["width"], entry["height"])]
        detections = []
        for o in entry["objects"]:
            may_be = frozenset().union(*map(stands_for, o.get("merged", [o["class"]])))
            x1, y1, x2, y2 = o["box"]
            detections.append((may_be, o["score"], (x1, y1, x2 - x1, y2 - y1)))
        pictures.append((truths, detections))
    rows = defaultdict(dict)
    vehicles = frozenset().union(*(g for g in of.groups.values() if g & VEHICLES))
    for name, group in ([("vehicle", vehicles)] if vehicles else []) + list(of.groups.items()):
        rows[name] = score(pictures, group, limit)
    json.dump({"pictures": len(pictures), "classes": rows,
               "confusion": confusion(pictures, of.groups, 0.3)}, sys.stdout, indent=1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
