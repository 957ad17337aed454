"""`make sim-faults`: every fault of `outrider sim`, one after the other, against an outriderd of its
own with our own network, live; writes a table to $BUILD/sim-faults.md.

    faults.py [SCENARIO]      RATE=10 SECONDS=12 SEED=1 in the environment change the drive
"""
import json
import os
import signal
import subprocess
import sys
import tempfile

BUILD = os.environ.get("BUILD", "build")
RATE = os.environ.get("RATE", "10")
SECONDS = os.environ.get("SECONDS", "12")
SEED = os.environ.get("SEED", "1")

# What is done, and further options of the simulator.
MATRIX = [
    ([], []),
    (["loss=0.1"], []),
    (["duplicate=0.1"], []),
    (["reorder=0.1"], []),
    (["corrupt=0.1"], ["--encoding", "jpeg"]),
    (["stall=4,2"], []),
    (["freeze=4,2"], []),
    (["blocked=4,2"], []),
    (["brightness=4,0.01,2"], []),
    (["brightness=4,40,2"], []),
    (["clock=4,-2"], []),
    (["clock=4,2"], []),
    (["calibration=1,0"], []),
    (["calibration=0,2"], []),
    (["loss=0.1", "duplicate=0.1", "reorder=0.1"], []),
]


def drive(scenario, faults, options):
    """One drive beside a fresh daemon: the score as the simulator prints it."""
    with tempfile.TemporaryDirectory(prefix="outrider-faults.") as folder:
        into, out = f"ipc://{folder}/in", f"ipc://{folder}/out"
        daemon = [f"{BUILD}/outriderd", "-c", "sim/examples/sim.yaml"]
        daemon += ["--set", f"cameras.0.rate_hz={RATE}"]
        daemon += ["--set", f"bus.in.bind.0={into}", "--set", f"bus.out.bind.0={out}"]
        sim = [f"{BUILD}/outrider", "sim", "--scenario", scenario, "--seed", SEED, "--rate", RATE]
        sim += ["--duration", SECONDS, "--connect", into, "--answers", out]
        sim += ["--truth", f"ipc://{folder}/truth", "--score", "--json", *options]
        for fault in faults:
            sim += ["--fault", fault]
        with open(f"{BUILD}/sim-faults.log", "a", encoding="utf-8") as log:
            service = subprocess.Popen(daemon, stderr=log)
            try:
                told = subprocess.run(sim, stdout=subprocess.PIPE, stderr=log, timeout=600,
                                      check=True)
            finally:
                service.send_signal(signal.SIGTERM)
                service.wait(30)
        return json.loads(told.stdout)


def number(value, form, otherwise="-"):
    return otherwise if value is None else form.format(value)


def share(found, asked):
    return f"{100 * found / asked:.0f} %" if asked else "-"


def row(faults, score):
    spans = [f for f in score["faults"] if f["said"] or f["said_s"] is not None]
    # A moment that is to be told: how long until it was, and until all is well again.
    said = spans[0]["said_s"] if spans else None
    recovered = spans[0]["recovered_s"] if spans else None
    near, middle = score["vehicles"][0], score["vehicles"][1]
    lines = score["lines"]
    return [
        " ".join(f"`{f}`" for f in faults) or "none",
        number(said, "{:.2f}"),
        number(recovered, "{:.2f}"),
        share(score["available"], score["messages"]),
        share(near["found"] + middle["found"], near["asked"] + middle["asked"]),
        number(middle["median_percent"], "{:.1f} %"),
        number(lines[0]["median_m"], "{:.2f}"),
        number(lines[1]["median_m"], "{:.2f}"),
        str(score["id_switches"]),
    ]


def main():
    scenario = sys.argv[1] if len(sys.argv) > 1 else "cut_in"
    head = ["fault", "said after, s", "well again after, s", "AVAILABLE", "vehicles to 40 m found",
            "distance, 20-40 m, off by", "lines at 10 m, m", "at 30 m", "changes of id"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for faults, options in MATRIX:
        lines.append("| " + " | ".join(row(faults, drive(scenario, faults, options))) + " |")
        print(lines[-1], flush=True)
    with open(f"{BUILD}/sim-faults.md", "w", encoding="utf-8") as f:
        f.write(f"Scenario `{scenario}`, seed {SEED}, {SECONDS} s at {RATE} Hz, live, 640x384, "
                "our own network on 8 bit integers.\n\n" + "\n".join(lines) + "\n")


main()
