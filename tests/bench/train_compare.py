"""Whole training steps, ours and PyTorch's in turns on the same cores: images a second and their ratio.

Each turn starts both programs anew, for some steps of which the first does not count. PyTorch has its
weights and pictures channels first or channels last in memory; the faster of both is what we compare
with. BENCH_TURNS (5), BENCH_STEPS (8), BENCH_BATCH (8), BENCH_CORES ("1 2").
"""
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = os.path.join(os.environ.get("OUTRIDER_BUILD", "build"), "tests/bench/bench_train")
TURNS, STEPS, BATCH = (os.environ.get(f"BENCH_{n}") or d for n, d in (("TURNS", "5"), ("STEPS", "8"), ("BATCH", "8")))
CORES = (os.environ.get("BENCH_CORES") or "1 2").split()


def run(command, cores):
    """The best and the median milliseconds of a step."""
    pinned = ["taskset", "-c", f"0-{int(cores) - 1}"] + command
    out = subprocess.run(pinned, capture_output=True, text=True, timeout=600)
    m = re.search(r"median ([\d.]+) ms, best ([\d.]+)", out.stdout)
    if not m:
        sys.exit(f"{' '.join(command)}: {out.stdout}{out.stderr}")
    return float(m[2]), float(m[1])


def main():
    torch = ["/usr/bin/python3", "-B", os.path.join(HERE, "train_torch.py")]
    if subprocess.run([torch[0], "-c", "import torch"], capture_output=True).returncode:
        sys.exit("[SKIP] no PyTorch here (make bench-deps)")
    print("| network | cores | Outrider, images/s | PyTorch first | PyTorch last | times as fast (best steps) | (medians) |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for net in ("plain", "mobile", "own"):
        for cores in CORES:
            args = [net, cores, BATCH, STEPS]
            ways = {"ours": [OURS] + args, "first": torch + args + ["first"], "last": torch + args + ["last"]}
            turns = {w: [] for w in ways}
            for _ in range(int(TURNS)):
                for w, command in ways.items():
                    turns[w].append(run(command, cores))
            best = {w: min(b for b, _ in t) for w, t in turns.items()}
            median = {w: statistics.median(m for _, m in t) for w, t in turns.items()}
            speed = {w: f"{1e3 * int(BATCH) / best[w]:.1f}" for w in ways}
            ratio = [min(x["first"], x["last"]) / x["ours"] for x in (best, median)]
            print(f"| `{net}` | {cores} | {speed['ours']} | {speed['first']} | {speed['last']} "
                  f"| **{ratio[0]:.2f}** | {ratio[1]:.2f} |", flush=True)


main()
