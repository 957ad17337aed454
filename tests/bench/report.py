"""What compare.py measured, as Markdown, as a chart, and in the README."""
import os
import shutil
import subprocess

import chart
from stats import geometric_mean

NAMES = {"outrider": "Outrider", "ort": "ONNX Runtime", "ort_fp32": "ONNX Runtime, fp32",
         "opencv": "OpenCV", "onednn": "oneDNN", "xnnpack": "XNNPACK", "torch": "PyTorch"}
BEGIN, END = "<!-- bench -->", "<!-- end bench -->"


# ---- cells --------------------------------------------------------------------------------------
def measured(column):
    return column is not None and "n" in column


def time_cell(column, unit=1e-6, digits=2):
    if not measured(column):
        return "-"
    mark = "" if column.get("agrees", True) else " ≠"
    return f"{column['median_ns'] * unit:.{digits}f} ({column['p99_ns'] * unit:.{digits}f}){mark}"


def ratio(case, name):
    """How many times as fast as that column we are; None: one of them has no time."""
    ours, theirs = case["columns"].get("outrider"), case["columns"].get(name)
    if not measured(ours) or not measured(theirs):
        return None
    return theirs["median_ns"] / ours["median_ns"]


def ratio_cell(value):
    return "-" if value is None else f"**{value:.2f}**"


def share_of_peak(case, name="outrider"):
    column = case["columns"].get(name)
    peak = case["peak_int8_gops"] if case["kind"] == "int8" else case["peak_gflops"]
    if not measured(column) or not peak or not case["multiply_adds"]:
        return None
    return 2 * case["multiply_adds"] / column["median_ns"] / peak


def percent(value):
    return "-" if value is None else f"{100 * value:.0f} %"


def megabytes(value):
    return "-" if not value else f"{value * 1e-6:.1f}"


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)] + rows
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


# ---- tables -------------------------------------------------------------------------------------
def by_threads(results, kind):
    """{label: {threads: case}} in order."""
    found = {}
    for case in results["cases"]:
        if case["kind"] == kind:
            found.setdefault(case["label"], {})[case["threads"]] = case
    return found


def thread_counts(rows):
    return sorted({n for cases in rows.values() for n in cases})


def mean_ratio(rows, name, threads):
    return ratio_cell(geometric_mean(r for cases in rows.values() if threads in cases
                                     if (r := ratio(cases[threads], name)) is not None))


def fp32_table(results):
    rows = by_threads(results, "fp32")
    if not rows:
        return ""
    counts, lines = thread_counts(rows), []
    head = ["network, ms: median (p99)"]
    for n in counts:
        threads = "1 thread" if n == 1 else f"{n} threads"
        head += [f"Outrider, {threads}", "ONNX Runtime", "times as fast"]
    head += ["OpenCV, 1 thread", "of the FMA peak, 1 thread"]
    for label, cases in rows.items():
        line = [f"`{label}`"]
        for n in counts:
            columns = cases[n]["columns"] if n in cases else {}
            line += [time_cell(columns.get("outrider")), time_cell(columns.get("ort")),
                     ratio_cell(ratio(cases[n], "ort") if n in cases else None)]
        one = cases.get(1, {"columns": {}, "kind": "", "peak_gflops": 0})
        lines.append(line + [time_cell(one["columns"].get("opencv")), percent(share_of_peak(one))])
    means = [cell for n in counts for cell in ("", "", mean_ratio(rows, "ort", n))]
    return table(head, lines + [["geometric mean"] + means + ["", ""]])


def int8_table(results):
    rows = by_threads(results, "int8")
    if not rows:
        return ""
    head = ["int8 network, ms: median (p99)", "threads", "Outrider", "ONNX Runtime, same file",
            "times as fast", "ONNX Runtime, fp32 file", "times as fast", "of the VNNI peak"]
    lines = []
    for n in thread_counts(rows):
        for label, cases in rows.items():
            if n in cases:
                c = cases[n]["columns"]
                lines.append([f"`{label}`", str(n), time_cell(c.get("outrider")),
                              time_cell(c.get("ort")), ratio_cell(ratio(cases[n], "ort")),
                              time_cell(c.get("ort_fp32")), ratio_cell(ratio(cases[n], "ort_fp32")),
                              percent(share_of_peak(cases[n]))])
        lines.append(["geometric mean", str(n), "", "", mean_ratio(rows, "ort", n), "",
                      mean_ratio(rows, "ort_fp32", n), ""])
    return table(head, lines)


def load_table(results):
    head = ["network", "load, ms: Outrider", "ONNX Runtime", "memory, MB: Outrider", "ONNX Runtime"]
    lines = []
    for case in results["cases"]:
        ours, theirs = case["columns"].get("outrider"), case["columns"].get("ort")
        if case["kind"] != "layer" and case["threads"] == 1 and measured(ours):
            theirs = theirs if measured(theirs) else {}
            lines.append([f"`{case['label']}`", f"{ours['load_ns'] * 1e-6:.1f}",
                          f"{theirs['load_ns'] * 1e-6:.1f}" if theirs else "-",
                          megabytes(ours["memory_bytes"]), megabytes(theirs.get("memory_bytes"))])
    return table(head, lines) if lines else ""


def layer_table(results):
    names = ["outrider", "ort", "onednn", "xnnpack", "torch"]
    lines = []
    for case in results["cases"]:
        if case["kind"] != "layer":
            continue
        ratios = [r for n in names[2:] if (r := ratio(case, n)) is not None]
        lines.append([case["label"]] + [time_cell(case["columns"].get(n), 1e-3, 0) for n in names] +
                     [ratio_cell(min(ratios, default=None)), percent(share_of_peak(case))])
    head = ["one layer, µs: median (p99)"] + [NAMES[n] for n in names]
    return table(head + ["we are times as fast as the fastest library", "of the FMA peak"],
                 lines) if lines else ""


def conditions(results):
    machine, versions = results["machine"], results["versions"]
    peaks = [c["peak_gflops"] for c in results["cases"] if c["threads"] == 1 and c["peak_gflops"]]
    int8 = [c["peak_int8_gops"] for c in results["cases"] if c["threads"] == 1]
    text = f"{machine['cpu']}, {machine['cpus']} cores; every engine is pinned to the same core " \
        f"(two threads: two cores), loads the file once and takes turns of {results['turn']} " \
        f"runs with the others until each has {results['runs']}; the first run of each turn is " \
        "one more and does not count. "
    if peaks:
        text += f"One core's peak, measured in the same turns: {min(peaks):.0f} to " \
            f"{max(peaks):.0f} GFLOP/s of FMA"
        text += f", {min(int8):.0f} to {max(int8):.0f} GOP/s of int8. " if min(int8) else ". "
    busy = max((c["others"] for c in results["cases"]), default=0)
    text += f"Other programs had at most {percent(busy)} of the cores meanwhile. "
    text += "Peers: " + ", ".join(f"{NAMES[n]} {v}" for n, v in versions.items()) + "."
    if results["skipped"]:
        text += " Skipped: " + ", ".join(f"{NAMES[n]} ({why})" for n, why in
                                         results["skipped"].items()) + "."
    if any(c.get("agrees") is False for case in results["cases"] for c in case["columns"].values()):
        text += " ≠: computes something else than the other engines."
    return text + "\n"


def sizes_line(results):
    sizes = results["sizes"]
    if len(sizes) < 2:
        return ""
    return f"Loading: median of five. Memory: what the process grew by, at most, from before " \
        f"loading to after the first runs. On disk: `outrider` (the whole program) " \
        f"{megabytes(sizes['outrider'])} MB, `libonnxruntime.so` {megabytes(sizes['ort'])} MB.\n"


LAYERS_LINE = "Ours: the convolution's own time inside a network of one layer; libraries: the " \
    "layer in the layout they like best; ONNX Runtime: that network as a whole.\n"


def markdown(results):
    loads, layers = load_table(results), layer_table(results)
    parts = [conditions(results), fp32_table(results), int8_table(results), loads,
             sizes_line(results) if loads else "", layers, LAYERS_LINE if layers else ""]
    return "\n".join(p for p in parts if p)


# ---- files --------------------------------------------------------------------------------------
def chart_groups(results, threads):
    """[(label, [(name, times as fast as ONNX Runtime, ms)])] for networks."""
    groups = []
    for case in results["cases"]:
        columns = case["columns"]
        base = columns.get("ort_fp32" if "ort_fp32" in columns else "ort")
        if case["threads"] != threads or case["kind"] == "layer" or not measured(base):
            continue
        bars = [(NAMES[name], base["median_ns"] / c["median_ns"], c["median_ns"] * 1e-6)
                for name, c in columns.items() if measured(c)]
        groups.append((case["label"], bars))
    return groups


def write(results, folder):
    with open(os.path.join(folder, "engine.md"), "w") as f:
        f.write(markdown(results))
    counts = sorted({c["threads"] for c in results["cases"] if c["kind"] != "layer"})
    panels = [("1 thread" if n == 1 else f"{n} threads", groups) for n in counts
              if (groups := chart_groups(results, n))]
    svg, png = (os.path.join(folder, "engine." + end) for end in ("svg", "png"))
    with open(svg, "w") as f:
        f.write(chart.draw(panels, "How many times as fast as ONNX Runtime",
                           results["machine"]["cpu"] + ", medians of runs in turns"))
    if shutil.which("rsvg-convert"):
        subprocess.run(["rsvg-convert", "--zoom", "1.5", "-o", png, svg], check=True)
    else:
        print("no rsvg-convert (librsvg2-bin): no PNG")


def replace_block(text, block):
    """text with what stands between the markers replaced."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"no {BEGIN} ... {END} to fill")
    return f"{before}{BEGIN}\n{block}{END}{after}"


def publish(folder, readme, pictures):
    with open(os.path.join(folder, "engine.md")) as f:
        block = f.read()
    for end in ("svg", "png"):
        shutil.copyfile(os.path.join(folder, f"engine.{end}"),
                        os.path.join(pictures, f"engine.{end}"))
    picture = f"![Bars: speed of each network beside ONNX Runtime]({pictures}/engine.png)\n\n"
    with open(readme) as f:
        text = f.read()
    with open(readme, "w") as f:
        f.write(replace_block(text, picture + block))
