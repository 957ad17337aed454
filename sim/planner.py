"""Every scenario, driven by the example planner (proto/client/example.c) in lock-step: on what outriderd sees with
our own network, and, beside it, on the simulator's truth. Writes a table to $OUT.md and what the planner said to
$OUT.log ($BUILD/sim-planner); with --publish the table goes into the README. Exit status 1: it collided.

    planner.py [--publish] [SCENARIO ...]      RATE=10 SECONDS=20 SEEDS="1" in the environment change the drives
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

BUILD = os.environ.get("BUILD", "build")
OUT = os.environ.get("OUT", f"{BUILD}/sim-planner")
RATE = os.environ.get("RATE", "10")
SECONDS = os.environ.get("SECONDS", "20")
SEEDS = os.environ.get("SEEDS", "1").split()
CONFIG = "sim/examples/sim.yaml"


def drive(scenario, seed, truth, log):
    """One drive of three processes: what the simulator says of it, and the planner's lines."""
    with tempfile.TemporaryDirectory(prefix="outrider-plan.") as folder:
        at = {name: f"ipc://{folder}/{name}" for name in ("in", "out", "truth", "control")}
        daemon = [f"{BUILD}/outriderd", "-c", CONFIG, "--set", "mode=lockstep", "--set", f"cameras.0.rate_hz={RATE}"]
        daemon += ["--set", f"bus.in.bind.0={at['in']}", "--set", f"bus.out.bind.0={at['out']}"]
        planner = [f"{BUILD}/proto/client/example", "-d", at["out"], "-s", at["truth"], "-c", at["control"]]
        sim = [f"{BUILD}/outrider", "sim", "--scenario", scenario, "--seed", seed, "--rate", RATE, "--lockstep"]
        sim += ["--duration", SECONDS, "--connect", at["in"], "--answers", at["out"], "--truth", at["truth"]]
        sim += ["--control", at["control"], "--json", "--wait", "60"]
        sim += ["--no-render"] if truth else []
        others = [] if truth else [subprocess.Popen(daemon, stderr=subprocess.DEVNULL)]
        others += [subprocess.Popen(planner + (["-t"] if truth else []), stdout=subprocess.PIPE, text=True)]
        try:
            told = subprocess.run(sim, stdout=subprocess.PIPE, stderr=log, timeout=3000, text=True, check=False)
        finally:
            for process in others:
                process.send_signal(signal.SIGTERM)
            said = others[-1].communicate(timeout=30)[0]
            others[0].wait(30)
        if not told.stdout:
            sys.exit(f"planner.py: {scenario}: the simulator says nothing, see {log.name}")
        log.write(f"{scenario}, seed {seed}, by {'truth' if truth else 'our network'}:\n{said}{told.stdout}\n")
        log.flush()
        return json.loads(told.stdout.splitlines()[-1]), said


def number(value, form):
    return "-" if value is None else form.format(value)


def columns(of):
    result = f"**{of['collided_s']:.1f} s: {of['with'].split(',')[0]}**" if of["collided"] else "none"
    return [result, number(of["least_gap_m"], "{:.1f}"), number(of["least_ttc_s"], "{:.1f}"),
            number(of["hardest_brake_mps2"], "{:.1f}")]


def publish(table):
    with open("README.md", encoding="utf-8") as f:
        text = f.read()
    new = re.sub(r"(<!-- planner -->\n).*(<!-- end planner -->)", lambda m: m[1] + table + m[2], text, flags=re.S)
    with open("README.md", "w", encoding="utf-8") as f:
        f.write(new)


def main():
    names = [a for a in sys.argv[1:] if not a.startswith("--")]
    names = names or sorted(f[:-5] for f in os.listdir("sim/scenarios") if f.endswith(".yaml"))
    head = ["scenario", "driven, m", "off the middle, m", "collision", "least gap, m", "least TTC, s",
            "hardest brake, m/s²", "brakes", "by truth: collision", "gap", "TTC", "brake"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    collisions = 0
    with open(f"{OUT}.log", "w", encoding="utf-8") as log:
        for name in names:
            for seed in SEEDS:
                by_truth, _ = drive(name, seed, True, log)
                seen, said = drive(name, seed, False, log)
                collisions += seen["collided"]
                row = [f"`{name}`" + (f" {seed}" if len(SEEDS) > 1 else ""), f"{seen['driven_m']:.0f}",
                       f"{seen['off_middle_m']:.2f}", *columns(seen), str(said.count(": brakes with")),
                       *columns(by_truth)]
                lines.append("| " + " | ".join(row) + " |")
                print(lines[-1], flush=True)
    seeds = "seed" if len(SEEDS) == 1 else "seeds"
    table = f"{SECONDS} s of each at {RATE} Hz, {seeds} {', '.join(SEEDS)}, 640x384, our own network on 8 bit integers.\n\n"
    table += "\n".join(lines) + "\n"
    with open(f"{OUT}.md", "w", encoding="utf-8") as f:
        f.write(table)
    if "--publish" in sys.argv:
        publish(table)
    return 1 if collisions else 0


sys.exit(main())
