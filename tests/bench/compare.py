#!/usr/bin/env python3
"""Outrider beside the engines one would use instead: the same files, the same cores, in turns.

    compare.py                 measure; results go to BUILD/bench/engine.{json,md,svg,png}
    compare.py --publish       put the last results into README.md and .pictures/

For every model each engine is started once, pinned to the same core (or two), and loads the file.
Then they run in turns, a few runs each, round after round; the first run of a turn warms the
caches and does not count. Standard library only."""
import argparse
import array
import glob
import json
import math
import os
import platform
import random
import subprocess
import sys
import tempfile
import time

import report
from engines import Engines, Failed, busy_ticks, settle
from onnx_bytes import Layer, npy, tensor
from stats import summary

TURN = 5       # runs of one engine before it is the next one's turn, and one that does not count
WARM_UP = 3
LOADS = 5
PEAKS = 3
AGREE = 0.02   # outputs' mean absolute values may differ that much of ours, and twice if int8

LAYERS = [  # as they occur in the five networks
    Layer("pointwise 112 to 112, 96x168", 112, 112, 96, 168, 1),
    Layer("3x3 32 to 32, 45x80", 32, 32, 45, 80, 3),
    Layer("3x3 131 to 131, 90x160", 131, 131, 90, 160, 3),
    Layer("3x3 stride 2, 3 to 24, 352x352", 3, 24, 352, 352, 3, stride=2),
    Layer("7x7 stride 2, 3 to 16, 360x640", 3, 16, 360, 640, 7, stride=2),
    Layer("depthwise 3x3, 32, 192x336", 32, 32, 192, 336, 3, groups=32),
    Layer("depthwise 3x3 stride 2, 56, 192x336", 56, 56, 192, 336, 3, stride=2, groups=56),
    Layer("depthwise 5x5, 96, 22x22", 96, 96, 22, 22, 5, groups=96),
    Layer("3x3 dilation 4, 12 to 12, 90x160", 12, 12, 90, 160, 3, dilation=4),
    Layer("3x3 dilation 16, 25 to 25, 45x80", 25, 25, 45, 80, 3, dilation=16),
    Layer("transposed 2x2 stride 2, 16 to 8, 90x160", 16, 8, 90, 160, 2, stride=2, transposed=1),
]


class Column:
    """An engine with a file, in one case."""

    def __init__(self, name, engine, model, inputs, verb="run"):
        self.name, self.engine, self.model = name, engine, model
        self.inputs, self.verb = inputs, verb


class Case:
    def __init__(self, label, kind, columns, macs):
        self.label, self.kind, self.columns, self.macs = label, kind, columns, macs


# ---- what is compared ---------------------------------------------------------------------------
def multiply_adds(build, model):
    told = subprocess.run([os.path.join(build, "outrider"), "nn", "info", model, "--json"],
                          capture_output=True, text=True)
    return json.loads(told.stdout)["multiply_adds"] if told.returncode == 0 else 0


def inputs_of(folder, scratch):
    """test_data_set_0/input_K.pb as .npy, in order."""
    found, name = [], os.path.basename(folder)
    while os.path.exists(path := os.path.join(folder, f"test_data_set_0/input_{len(found)}.pb")):
        with open(path, "rb") as f:
            data = npy(*tensor(f.read()))
        found.append(os.path.join(scratch, f"{name}_{len(found)}.npy"))
        with open(found[-1], "wb") as f:
            f.write(data)
    return found


def model_cases(args, scratch):
    cases = []
    for path in sorted(glob.glob(os.path.join(args.shared, "models/*/model.onnx"))):
        folder = os.path.dirname(path)
        name = os.path.basename(folder)
        if args.models and name not in args.models:
            continue
        inputs = inputs_of(folder, scratch)
        kind = "int8" if "int8" in name else "fp32"
        columns = [Column("outrider", "outrider", path, inputs), Column("ort", "ort", path, inputs)]
        if kind == "fp32":
            columns.append(Column("opencv", "opencv", path, inputs))
        cases.append(Case(name, kind, columns, multiply_adds(args.build, path)))
        own = os.path.join(args.build, f"int8/{name}.onnx")
        if os.path.exists(own):
            cases.append(pair_case(args, f"{name}, our int8", own, path, inputs))
    cases += own_cases(args, scratch)
    for label, own, theirs, inputs in args.pair:
        inputs = inputs or inputs_of(os.path.dirname(theirs), scratch)
        cases.append(pair_case(args, label, own, theirs, inputs))
    return cases


def own_cases(args, scratch):
    """Our own network, which has no test data: noise as large as its normalised pictures are."""
    plain, int8 = (f"perception/models/outrider{end}.onnx" for end in ("", "-int8"))
    if args.models and "outrider" not in args.models or not os.path.exists(plain):
        return []
    told = subprocess.run([os.path.join(args.build, "outrider"), "nn", "info", plain, "--json"],
                          capture_output=True, text=True, check=True)
    shape = tuple(json.loads(told.stdout)["inputs"][0]["shape"])
    noise, numbers = random.Random(1), os.path.join(scratch, "outrider.npy")
    with open(numbers, "wb") as f:
        f.write(npy("<f4", shape, array.array("f", (noise.uniform(-2, 2) for _ in range(math.prod(shape)))).tobytes()))
    columns = [Column(name, name, plain, [numbers]) for name in ("outrider", "ort", "opencv")]
    return [Case("outrider (our own)", "fp32", columns, multiply_adds(args.build, plain)),
            pair_case(args, "outrider (our own), our int8", int8, plain, [numbers])]


def pair_case(args, label, own, theirs, inputs):
    """Our run of one file beside ONNX Runtime's of the same and of the one it was made from."""
    return Case(label, "int8", [Column("outrider", "outrider", own, inputs),
                                Column("ort", "ort", own, inputs),
                                Column("ort_fp32", "ort", theirs, inputs)],
                multiply_adds(args.build, own))


def layer_cases(scratch):
    """Ours without what happens at the ends of a network: the convolution's own time, as it is
    for the libraries of layers, which get their favourite layout for nothing."""
    cases = []
    for i, layer in enumerate(LAYERS):
        model, numbers = (os.path.join(scratch, f"layer{i}.{end}") for end in ("onnx", "npy"))
        with open(model, "wb") as f:
            f.write(layer.model())
        with open(numbers, "wb") as f:
            f.write(layer.input_npy())
        columns = [Column("outrider", "outrider", model, [numbers], "products"),
                   Column("ort", "ort", model, [numbers])]
        columns += [Column(name, name, layer.text, []) for name in ("onednn", "xnnpack", "torch")]
        cases.append(Case(layer.label, "layer", columns, layer.macs()))
    return cases


# ---- measuring ----------------------------------------------------------------------------------
class Player:
    """A column while its case runs."""

    def __init__(self, column, engines, threads, cpus, log):
        self.column, self.process, self.times, self.loads = column, None, [], []
        self.result = {}
        if not engines.has(column.engine):
            self.result["error"] = "not installed"
            return
        try:
            self.process = engines.start(column.engine, column.model, column.inputs, threads, cpus,
                                         log)
            before = self.process.memory("VmRSS")
            self.load()
            self.process.ask(f"run {WARM_UP}")
            self.result["memory_bytes"] = self.process.memory("VmHWM") - before
            self.result["outputs"] = self.process.ask("outputs")
        except Failed as e:
            self.fail(e)

    def fail(self, e):
        self.result = {"error": str(e)}
        if self.process:
            self.process.close()
        self.process = None

    def load(self):
        self.loads += self.process.ask("load")

    def turn(self, runs):
        settle()
        self.times += self.process.ask(f"{self.column.verb} {runs + 1}")[1:]

    def finish(self):
        if self.process:
            self.result.update(summary(self.times))
            self.result["load_ns"] = summary(self.loads)["median_ns"]
            self.process.close()
        return self.result


def agree(players, tolerance):
    """Marks who computed something else than we did."""
    ours = sorted(players[0].result.get("outputs", []))
    for p in players[1:]:
        if "outputs" not in p.result:
            continue
        theirs = sorted(p.result["outputs"])
        p.result["agrees"] = len(ours) == len(theirs) and all(
            abs(a - b) <= tolerance * max(abs(a), 1e-6) for a, b in zip(ours, theirs))


def take_turns(players, act):
    """Everybody once; each time somebody else begins."""
    for p in players:
        if p.process:
            try:
                act(p)
            except Failed as e:
                p.fail(e)
    players.append(players.pop(0))


class Others:
    """How much of these CPUs programs that are not compared have had since."""

    def __init__(self, players, cpus):
        self.players, self.cpus, self.start = players, cpus, time.monotonic()
        self.ticks = self._ticks()

    def _ticks(self):
        return busy_ticks(self.cpus) - sum(p.process.ticks() for p in self.players if p.process)

    def share(self):
        capacity = os.sysconf("SC_CLK_TCK") * (self.cpus.count(",") + 1)
        return max(0, self._ticks() - self.ticks) / capacity / (time.monotonic() - self.start)


def measure(case, engines, threads, cpus, runs, log):
    players = [Player(c, engines, threads, cpus, log) for c in case.columns]
    agree(players, AGREE if case.kind != "int8" else 2 * AGREE)
    ours, order, peaks = players[0], list(players), []
    rounds = -(-runs // TURN)
    others = Others(players, cpus)
    for i in range(rounds):
        if i * PEAKS // rounds != (i - 1) * PEAKS // rounds:
            take_turns([ours], lambda p: peaks.append(p.process.ask("peak")))
        take_turns(order, lambda p: p.turn(TURN))
    share = others.share()
    for _ in range(LOADS - 1):
        take_turns(order, Player.load)
    return {"label": case.label, "kind": case.kind, "threads": threads, "cpus": cpus,
            "multiply_adds": case.macs, "others": share,
            "peak_gflops": max((p[0] for p in peaks), default=0),
            "peak_int8_gops": max((p[1] for p in peaks), default=0),
            "columns": {p.column.name: p.finish() for p in players}}


def progress(result):
    def one(name, c):
        return f"{name} {c['median_ns'] * 1e-6:.3f}" if "n" in c else f"{name} -"
    told = "  ".join(one(*item) for item in result["columns"].items())
    busy = f"  (others had {100 * result['others']:.0f} %)" if result["others"] > 0.05 else ""
    print(f"{result['label']}, {result['threads']} thread(s), ms: {told}{busy}", flush=True)


def cpu_name():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def pins(threads):
    """The last CPUs we may use: the first has the interrupts."""
    cpus = sorted(os.sched_getaffinity(0))
    return ",".join(map(str, cpus[-threads:])) if threads <= len(cpus) else None


def measure_all(args):
    engines = Engines(args.build, args.peers)
    for name, why in engines.skipped.items():
        print(f"{name}: skipped, {why}")
    machine = {"cpu": cpu_name(), "cpus": os.cpu_count(), "system": platform.platform()}
    results = {"machine": machine, "runs": args.runs, "turn": TURN,
               "versions": engines.versions, "skipped": engines.skipped,
               "sizes": engines.sizes(), "cases": []}
    with tempfile.TemporaryDirectory() as scratch, \
            open(os.path.join(args.out, "engines.log"), "w") as log:
        jobs = [(case, threads) for threads in args.threads for case in model_cases(args, scratch)]
        if not args.models or "layers" in args.models:
            jobs += [(case, 1) for case in layer_cases(scratch)]
        for case, threads in jobs:
            if cpus := pins(threads):
                results["cases"].append(measure(case, engines, threads, cpus, args.runs, log))
                progress(results["cases"][-1])
    return results


# ---- the command --------------------------------------------------------------------------------
def pair(text):
    label, _, files = text.partition("=")
    own, theirs, *inputs = files.split(",")
    return label, own, theirs, inputs


def words(text):
    return text.replace(",", " ").split()


def arguments():
    env = os.environ.get
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=env("OUTRIDER_BUILD") or "build")
    p.add_argument("--shared", default=env("OUTRIDER_SHARED") or "../shared")
    p.add_argument("--peers", default=env("BENCH_PEERS") or "build/peers",
                   help="the folder with node_modules/onnxruntime-node")
    p.add_argument("--runs", type=int, default=int(env("BENCH_RUNS") or 60),
                   help=f"that count, of each engine and file; in turns of {TURN}")
    p.add_argument("--models", type=words, default=words(env("BENCH_MODELS") or ""),
                   help="names of folders in SHARED/models, 'outrider' or 'layers'; default: all")
    p.add_argument("--threads", type=lambda t: [int(n) for n in words(t)], default=[1, 2])
    p.add_argument("--pair", type=pair, action="append", default=[],
                   metavar="LABEL=OURS.onnx,THEIRS.onnx[,INPUT.npy]...",
                   help="one more int8 row, with the inputs beside THEIRS unless it names others; "
                        "BUILD/int8/NAME.onnx are found without")
    p.add_argument("--publish", action="store_true")
    args = p.parse_args()
    args.out = os.path.join(args.build, "bench")
    return args


def main():
    args = arguments()
    os.makedirs(args.out, exist_ok=True)
    told = os.path.join(args.out, "engine.json")
    if not args.publish:
        with tempfile.NamedTemporaryFile("w", dir=args.out, delete=False) as f:
            json.dump(measure_all(args), f, indent=1)
        os.replace(f.name, told)
    with open(told) as f:
        results = json.load(f)
    report.write(results, args.out)
    if args.publish:
        report.publish(args.out, "README.md", ".pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
