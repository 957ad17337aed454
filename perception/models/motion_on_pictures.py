"""How far off speed and position are when the boxes come from pictures: what `outrider run` says of drives that
`outrider sim --write` drew, against their truth. It is the check of what `outrider eval motion` finds without pictures.

    build/outrider sim --write DRIVE --scenario random --frames 150 --seed 700001 --rate 10
    build/outrider run -c sim/examples/sim.yaml --input DRIVE --rate 10 -o DRIVE.run.jsonl
    perception/models/motion_on_pictures.py DRIVE [DRIVE...]

Counts measured objects half a second old within 40 m whose box fits (IoU 0.5) something that is asked for as in sim/score.h.
The true speed is the place a frame later less that a frame before; where another face became the nearest it is not known."""
import json
import math
import sys

from detector_noise import Drive, iou


class Share:  # of errors within one and two sigmas
    def __init__(self):
        self.n = self.one = self.two = 0

    def add(self, error, variance):
        sigmas = abs(error) / math.sqrt(variance)
        self.n += 1
        self.one += sigmas < 1
        self.two += sigmas < 2

    def text(self):
        return f"{self.one / max(self.n, 1):.2f} / {self.two / max(self.n, 1):.2f}"


def speed(frames, at, thing):
    """m/s relative to us, of the frame `at`, ten a second; None: not known."""
    if at < 1 or at + 1 >= len(frames) or thing not in frames[at - 1] or thing not in frames[at + 1]:
        return None
    a, b, c = (frames[k][thing]["at"] for k in (at - 1, at, at + 1))
    if any(abs(c[i] - 2 * b[i] + a[i]) > 0.3 for i in (0, 1)):
        return None
    return [(c[i] - a[i]) / 0.2 for i in (0, 1)]


def asked(t):
    return (t.get("occlusion", 0) < 0.5 and t.get("truncation", 0) < 0.1 and t["full"][3] - t["full"][1] >= 12)


def errors(folder, sums, position, places, speeds):
    frames = [{o["id"]: o for o in frame} for frame in Drive(folder, infer=False).truth]
    with open(folder.rstrip("/") + ".run.jsonl", encoding="utf-8") as f:
        messages = [json.loads(line) for line in f]
    for m in messages:
        for o in m.get("objects", []) if m["topic"].startswith("objects/") else []:
            at = round(m["header"]["state_time_ns"] / 1e8)
            box = [o["box"][k] for k in ("x1", "y1", "x2", "y2")]
            t = max(frames[at].values(), key=lambda t: iou(box, t["full"]), default=None)
            if o["measurement"] != "MEASURED" or "vx_mps" not in o or o["age_ns"] < 5e8 or t is None:
                continue
            v, r = speed(frames, at, t["id"]), math.hypot(*t["at"][:2])
            if iou(box, t["full"]) < 0.5 or not asked(t) or v is None or r >= 40:
                continue
            off = [o["vx_mps"] - v[0], o["vy_mps"] - v[1], o["x_m"] - t["at"][0], o["y_m"] - t["at"][1]]
            along = "heading as we do" if math.cos(t["yaw"]) > math.sqrt(0.5) else "oncoming, crossing"
            for name in ["all", along] + (["after 2 s"] if o["age_ns"] >= 2e9 else []):
                sums.setdefault(name, []).append(math.hypot(*off[:2]))
            position.append(math.hypot(*off[2:]) / r)
            c = o["covariance"]  # the upper half, row by row; of x y vx vy alone if accelerations are not known
            size = 6 if len(c) == 21 else 4
            for i, share in ((0, speeds), (1, speeds), (2, places), (3, places)):
                k = (i + 2) % 4
                share.add(off[i], c[k * size - k * (k - 1) // 2])


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sums, position, places, speeds = {}, [], Share(), Share()
    for folder in sys.argv[1:]:
        errors(folder, sums, position, places, speeds)
    for name, v in sorted(sums.items()):
        rms = math.sqrt(sum(x * x for x in v) / len(v))
        print(f"speed, {name}: root mean square {rms:.2f} m/s, median {sorted(v)[len(v) // 2]:.2f} ({len(v)})")
    n = len(position)
    print(f"position: mean {100 * sum(position) / n:.1f} %, median {100 * sorted(position)[n // 2]:.1f} %")
    print(f"covered by one / two sigmas: position {places.text()}, speed {speeds.text()}")


if __name__ == "__main__":
    main()
