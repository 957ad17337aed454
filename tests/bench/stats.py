"""The few figures that a list of times comes down to, defined as in `outrider nn bench`."""
import math


def summary(times):
    t = sorted(times)
    return {"median_ns": t[len(t) // 2], "p99_ns": t[(len(t) - 1) * 99 // 100], "least_ns": t[0],
            "n": len(t)}


def geometric_mean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None
