"""The commands of `outrider nn bench --interactive`, for peers written in Python."""
import sys
import time


def clock(action):
    """(what it returned, ns it took)"""
    start = time.perf_counter_ns()
    result = action()
    return result, time.perf_counter_ns() - start


def serve(load, run, outputs):
    """load() and run() are what is timed; outputs() gives the arrays that run() left."""
    print("ready", flush=True)
    for line in sys.stdin:
        command, _, count = line.strip().partition(" ")
        try:
            if command == "load":
                text = str(clock(load)[1])
            elif command == "run":
                text = " ".join(str(clock(run)[1]) for _ in range(int(count)))
            elif command == "outputs":
                text = " ".join(f"{float(abs(a).mean()):.9g}" for a in outputs())
            else:
                raise ValueError(f"no command '{line.strip()}'")
        except Exception as e:  # whatever the library throws: the driver names it and goes on
            text = "error " + " ".join(str(e).split())[:200]
        print(text, flush=True)
