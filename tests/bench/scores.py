"""What our network scores on pictures that it was never trained on, beside other people's networks run by the same
engine on the same files: the tables of the README.

`make score`; `make score-publish` puts them into the README. Each cell is one `outrider eval ... --json`, kept in
BUILD/scores/, so that a run that was stopped goes on. The simulator's set is that of perception/models/recipe.sh
(RECIPE: its folder, BUILD/recipe).
"""
import hashlib
import json
import os
import subprocess
import sys

BUILD = os.environ.get("OUTRIDER_BUILD", "build")
SHARED = os.environ.get("OUTRIDER_SHARED", "../shared")
RECIPE = os.environ.get("RECIPE", f"{BUILD}/recipe")
DATA = f"{SHARED}/data"
OURS = "perception/models/outrider.onnx"
INT8 = "perception/models/outrider-int8.onnx"


def other(name):
    return f"{SHARED}/models/{name}/model.onnx"


TABLES = [
    ("AP50 of vehicles",
     "objects", [],
     [("Outrider", OURS), ("Outrider, 8 bit", INT8), ("vehicle-detection-adas-0002", other("vehicle-detection-adas-0002")),
      ("YOLOX-nano", other("yolox_nano")), ("FastestDet", other("fastestdet"))],
     [("CamVid train", f"{DATA}/camvid/train"), ("CamVid val", f"{DATA}/camvid/val"),
      ("highways, valid", f"{DATA}/highway_objects/valid"), ("CARLA, town 2", f"{DATA}/carla_det/train,only=Town02*"),
      ("simulator", f"{RECIPE}/simtest"), ("TORCS", f"{RECIPE}/torcstest")],
     lambda j: j["sets"][0]["classes"][0]["ap50"]),
    ("F1 of our lane's two lines (CULane)",
     "lanes", ["--ego"],
     [("Outrider", OURS), ("Outrider, 8 bit", INT8), ("TwinLiteNet", other("twinlitenet")), ("LSTR", other("lstr"))],
     [("Udacity clip, second half", f"{DATA}/lanes_udacity/train,only=swr_0[12]*"), ("simulator", f"{RECIPE}/simtest"),
      ("TORCS", f"{RECIPE}/torcstest")],
     lambda j: j["culane"]["f1"]),
    ("IoU of the road",
     "road", [],
     [("Outrider", OURS), ("Outrider, 8 bit", INT8), ("TwinLiteNet", other("twinlitenet"))],
     [("roads, every tenth", f"{DATA}/road_area/train,every=10/9"), ("CamVid val", f"{DATA}/camvid/val"),
      ("simulator", f"{RECIPE}/simtest"), ("TORCS", f"{RECIPE}/torcstest")],
     lambda j: j["iou"]),
]


def stamp(path):
    return f"{path} {os.path.getsize(path)} {int(os.path.getmtime(path))}"


def score(kind, options, model, chosen):
    """The JSON of one cell; None where model or set is not there."""
    if not os.path.exists(model) or not os.path.exists(chosen.split(",")[0]):
        return None
    program = f"{BUILD}/outrider"
    command = [program, "eval", kind, "--set", chosen, "--model", model, "--json"] + options
    stamps = [stamp(p) for p in (model, program, chosen.split(",")[0])]
    key = hashlib.sha256(" ".join(command + stamps).encode()).hexdigest()[:16]
    kept = f"{BUILD}/scores/{kind}-{key}.json"
    if not os.path.exists(kept):
        print(f"{kind}: {model} on {chosen}", file=sys.stderr)
        out = subprocess.run(command, capture_output=True, text=True)
        if out.returncode:
            sys.exit(out.stderr.strip())
        with open(kept + ".part", "w") as f:
            f.write(out.stdout)
        os.rename(kept + ".part", kept)
    with open(kept) as f:
        return json.load(f)


def table(title, kind, options, models, sets, number):
    lines = [f"| {title} | " + " | ".join(name for name, _ in sets) + " |", "|---|" + "---:|" * len(sets)]
    rows = []
    for _, model in models:
        cells = [score(kind, options, model, chosen) for _, chosen in sets]
        rows.append([None if c is None else number(c) for c in cells])
    best = [max((r[i] for r in rows if r[i] is not None), default=None) for i in range(len(sets))]
    for (name, _), row in zip(models, rows):
        cells = ["-" if v is None else f"**{v:.3f}**" if v == b else f"{v:.3f}" for v, b in zip(row, best)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def publish(lines):
    begin, end = "<!-- scores -->\n", "<!-- end scores -->"
    with open("README.md") as f:
        text = f.read()
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    with open("README.md.part", "w") as f:
        f.write(before + begin + "\n".join(lines) + "\n" + end + after)
    os.rename("README.md.part", "README.md")


def main():
    os.makedirs(f"{BUILD}/scores", exist_ok=True)
    lines = []
    for t in TABLES:
        lines += table(*t) + [""]
    print("\n".join(lines))
    if "--publish" in sys.argv:
        publish(lines[:-1])


main()
