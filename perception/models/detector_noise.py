"""How a detector errs from frame to frame, against drives that `outrider sim --write` drew:

    build/outrider sim --write DRIVE --scenario random --frames 150 --seed 700001 --rate 10
    build/outrider infer --model perception/models/outrider-int8.onnx --images DRIVE/images -o DRIVE.jsonl
    perception/models/detector_noise.py DRIVE [DRIVE...]

Prints what sim/tracks.h's TRACKS_DETECTOR is set from: errors of edges as shares of the box's width or height,
new in each frame or slow (their covariance from one frame to the next ones); errors of the distance that it tells; how often things are
found, by height and by what hides them, and how long they are missed; false alarms and how long they last."""
import json
import math
import sys
from collections import defaultdict

HEIGHTS = [6, 10, 14, 20, 30, 45, 70, 400]
LAGS = [0, 1, 2, 3, 5, 8, 12, 20]
VEHICLES = {"car", "truck", "bus", "vehicle"}
USERS = VEHICLES | {"person", "cyclist", "motorcycle"}


def overlap(a, b):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    return w * h if w > 0 and h > 0 else 0


def area(a):
    return max(0, a[2] - a[0]) * max(0, a[3] - a[1])


def iou(a, b):
    both = overlap(a, b)
    return both / (area(a) + area(b) - both) if both else 0


def bin_of(v, edges):
    return next((i for i in range(len(edges) - 1) if edges[i] <= v < edges[i + 1]), None)


class Moments:
    """Covariances of a sequence with itself, some frames later."""

    def __init__(self):
        self.sum = defaultdict(float)
        self.n = defaultdict(int)

    def add(self, at):  # {frame: error}
        for frame, e in at.items():
            for lag in LAGS:
                if frame + lag in at:
                    self.sum[lag] += e * at[frame + lag]
                    self.n[lag] += 1

    def text(self):
        c = [self.sum[k] / self.n[k] if self.n[k] > 30 else math.nan for k in LAGS]
        soon = 2 * c[1] - c[2] if c[1] > c[2] else c[1]  # drawn on to lag 0
        white = math.sqrt(max(c[0] - min(soon, c[0]), 0))
        return (f"all {math.sqrt(c[0]):.4f}  white {white:.4f}  slow {math.sqrt(max(min(soon, c[0]), 0)):.4f}  "
                "correlation " + " ".join(f"{x / c[0]:.2f}" for x in c[1:]) + f"  ({self.n[0]})")


class Drive:
    """What `sim --write` drew, and what `infer` found in it unless it was not asked for."""

    def __init__(self, folder, infer=True):
        with open(folder + "/truth.jsonl", encoding="utf-8") as f:
            self.truth = [json.loads(line)["objects"] for line in f]
        with open(folder + "/calibration.yaml", encoding="utf-8") as f:
            camera = dict(line.split(":", 1) for line in f if ":" in line)
        self.fx, self.x_m = float(camera["fx"]), float(camera["x_m"])
        self.found = []
        if infer:
            with open(folder.rstrip("/") + ".jsonl", encoding="utf-8") as f:
                self.found = [[o for o in json.loads(line)["objects"] if o["class"] in USERS] for line in f]
        for frame in self.truth:
            frame[:] = [o for o in frame if o["class"] in USERS]


def pair(truth, found):
    """[(truth or None, detection or None)], the best overlap first."""
    pairs = sorted(((iou(t["box"], d["box"]), i, k) for i, t in enumerate(truth) for k, d in enumerate(found)
                    if (t["class"] in VEHICLES) == (d["class"] in VEHICLES)), reverse=True)
    of_truth, of_found = {}, {}
    for v, i, k in pairs:
        if v >= 0.3 and i not in of_truth and k not in of_found:
            of_truth[i], of_found[k] = k, i
    return of_truth, of_found


def plain(t):
    return t.get("occlusion", 0) < 0.2 and t.get("truncation", 0) < 0.02


class Report:
    def __init__(self):
        self.edge = [[Moments(), Moments()] for _ in HEIGHTS]  # x and y
        self.distance = [Moments() for _ in range(4)]
        self.pull = [Moments() for _ in range(4)]
        self.recall = defaultdict(lambda: [0, 0])
        self.hidden = defaultdict(lambda: [0, 0])
        self.score = defaultdict(list)
        self.false_score, self.false_height = [], []
        self.last, self.misses, self.frames = [], [], 0
        self.over = defaultdict(lambda: [0, 0.0, 0.0])

    def drive(self, d):
        edges = defaultdict(dict)  # (id, edge, bin) -> {frame: error}
        told, sigmas = defaultdict(dict), defaultdict(dict)
        seen = defaultdict(list)
        chains = []
        for frame, (truth, found) in enumerate(zip(d.truth, d.found)):
            of_truth, of_found = pair(truth, found)
            for i, t in enumerate(truth):
                self.thing(d, frame, t, found[of_truth[i]] if i in of_truth else None, edges, told, sigmas, seen)
            chains = self.alarms(truth, [f for k, f in enumerate(found) if k not in of_found], chains)
        self.last += [n for _, n in chains]
        self.frames += len(d.truth)
        for (_, i, b), at in edges.items():
            self.edge[b][i % 2].add(at)
        for (_, b), at in told.items():
            self.distance[b].add(at)
        for (_, b), at in sigmas.items():
            self.pull[b].add(at)
        for at in seen.values():
            self.gaps(at)

    def thing(self, d, frame, t, f, edges, told, sigmas, seen):
        height, width = t["full"][3] - t["full"][1], t["full"][2] - t["full"][0]
        b, o = bin_of(height, HEIGHTS), t.get("occlusion", 0)
        if b is None or t.get("truncation", 0) > 0.5 or width <= 0:
            return
        if o < 0.1:
            self.recall[b][0] += f is not None
            self.recall[b][1] += 1
        if height >= 20:
            k = min(int(o * 10), 9)
            self.hidden[k][0] += f is not None
            self.hidden[k][1] += 1
        if height >= 12 and o < 0.5:
            seen[t["id"]].append((frame, f is not None))
        if f is None:
            return
        if o < 0.1:
            self.score[b].append(f["score"])
        errors = [(f["box"][i] - t["full"][i]) / (height if i % 2 else width) for i in range(4)]
        if t.get("truncation", 0) < 0.02:
            s = self.over[min(int(o * 5), 4)]
            s[0] += 1
            s[1] += sum(e * e for e in errors) / 4
            s[2] += (f["box"][2] - f["box"][0]) / width
        if not plain(t) or max(map(abs, errors)) > 0.5:
            return
        for i, e in enumerate(errors):
            edges[t["id"], i, b][frame] = e
        r = math.hypot(t["at"][0] - d.x_m, t["at"][1])
        band = bin_of(r, [0, 20, 40, 80, 160])
        if band is not None and "distance" in f and f["distance"]:
            e = f["distance"]["per_px"] * d.fx / r - 1
            told[t["id"], band][frame] = e
            sigmas[t["id"], band][frame] = e / f["distance"]["sigma"]

    def alarms(self, truth, left, chains):
        now = []
        for f in left:
            if any(overlap(f["box"], t["full"]) > 0.5 * area(f["box"]) or iou(f["box"], t["full"]) > 0.2
                   for t in truth):
                continue  # a second box of something, or part of it
            self.false_score.append(f["score"])
            self.false_height.append(f["box"][3] - f["box"][1])
            before = max(chains, key=lambda c: iou(c[0], f["box"]), default=None)
            n = 0
            if before and iou(before[0], f["box"]) > 0.2:
                chains.remove(before)
                n = before[1]
            now.append((f["box"], n + 1))
        self.last += [n for _, n in chains]
        return now

    def gaps(self, at):
        run = 0
        started = False
        for _, hit in at:
            if hit:
                if run and started:
                    self.misses.append(run)
                run, started = 0, True
            else:
                run += 1

    def print(self):
        print(f"{self.frames} frames\nedges, as shares of the box, less than a fifth hidden; px high:")
        for b in range(len(HEIGHTS) - 1):
            for k, name in enumerate("xy"):
                if self.edge[b][k].n[0] > 100:
                    print(f"  {HEIGHTS[b]:3}-{HEIGHTS[b + 1]:3} {name}  {self.edge[b][k].text()}")
        for band, name in enumerate(["0-20", "20-40", "40-80", "80-160"]):
            if self.distance[band].n[0] > 100:
                print(f"distance told, {name} m, share: {self.distance[band].text()}")
                print(f"                    in sigmas: {self.pull[band].text()}")
        for b, (hit, n) in sorted(self.recall.items()):
            s = sorted(self.score[b])
            print(f"recall, less than a tenth hidden, {HEIGHTS[b]}-{HEIGHTS[b + 1]} px: {hit / n:.3f} of {n}; score " +
                  " ".join(f"{s[int(q * (len(s) - 1))]:.2f}" for q in (0.1, 0.5, 0.9) if s))
        for k, (hit, n) in sorted(self.hidden.items()):
            print(f"recall, 20 px and more, hidden {k / 10:.1f}: {hit / n:.3f} of {n}")
        for k, (n, square, width) in sorted(self.over.items()):
            print(f"edges, rms of all, hidden {k / 5:.1f}: {math.sqrt(square / n):.3f}, width {width / n:.2f} ({n})")
        m = sorted(self.misses)
        print(f"misses between hits, frames: {len(m)}, mean {sum(m) / max(len(m), 1):.2f}, "
              f"of one {m.count(1)}, two {m.count(2)}, 3-5 {sum(3 <= x <= 5 for x in m)}, longer "
              f"{sum(x > 5 for x in m)}")
        n = len(self.false_score)
        s, h = sorted(self.false_score), sorted(self.false_height)
        if n:
            print(f"false alarms a frame: {n / self.frames:.3f}; score " +
                  " ".join(f"{s[int(q * (n - 1))]:.2f}" for q in (0.1, 0.5, 0.9)) + "; height, px " +
                  " ".join(f"{h[int(q * (n - 1))]:.0f}" for q in (0.1, 0.5, 0.9)) +
                  f"; in {len(self.last)} runs, {sum(x == 1 for x in self.last)} of one frame, "
                  f"{sum(2 <= x <= 4 for x in self.last)} of 2-4, {sum(x >= 5 for x in self.last)} longer")


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    r = Report()
    for folder in sys.argv[1:]:
        r.drive(Drive(folder))
    r.print()


if __name__ == "__main__":
    main()
