"""What the comparison computes beside running engines; started by tests/e2e/test_bench.c."""
import array
import json
import os
import subprocess
import tempfile
import unittest
import xml.dom.minidom

import chart
import onnx_bytes
import report
from compare import LAYERS
from stats import geometric_mean, summary


def column(median, **more):
    return {"median_ns": median, "p99_ns": 2 * median, "least_ns": median, "n": 9,
            "load_ns": 1e6, "memory_bytes": 3e6, **more}


def results():
    columns = {"outrider": column(10e6), "ort": column(15e6), "opencv": {"error": "cannot"}}
    case = {"label": "net", "kind": "fp32", "threads": 1, "multiply_adds": 1e9,
            "peak_gflops": 400, "others": 0.25, "peak_int8_gops": 800, "columns": columns}
    worse = dict(case, label="other", columns={"outrider": column(12e6), "ort": column(8e6)})
    int8 = dict(case, label="small", kind="int8",
                columns={"outrider": column(5e6), "ort": column(10e6, agrees=False)})
    return {"machine": {"cpu": "a <b>", "cpus": 2}, "runs": 9, "turn": 3, "sizes": {},
            "versions": {"ort": "1"}, "skipped": {"torch": "absent"}, "cases": [case, worse, int8]}


class Statistics(unittest.TestCase):
    def test_summary(self):
        s = summary(range(200, 0, -1))
        self.assertEqual(s, {"median_ns": 101, "p99_ns": 198, "least_ns": 1, "n": 200})
        self.assertEqual(summary([7])["p99_ns"], 7)

    def test_geometric_mean(self):
        self.assertAlmostEqual(geometric_mean([0.5, 2, 8]), 2)
        self.assertIsNone(geometric_mean([]))


class Report(unittest.TestCase):
    def test_ratios_means_and_shares(self):
        text = report.markdown(results())
        self.assertIn("| `net` | 10.00 (20.00) | 15.00 (30.00) | **1.50** | - | 50 % |", text)
        self.assertIn("| geometric mean |  |  | **1.00** |", text)  # of 3/2 and 2/3
        self.assertIn("| `small` | 1 | 5.00 (10.00) | 10.00 (20.00) ≠ | **2.00** | - | - | "
                      "50 % |", text)
        self.assertIn("Other programs had at most 25 % of the cores", text)
        self.assertIn("Skipped: PyTorch (absent)", text)

    def test_readme_keeps_the_rest(self):
        text = report.replace_block(f"a\n{report.BEGIN}\nold\n{report.END}\nb\n", "new\n")
        self.assertEqual(text, f"a\n{report.BEGIN}\nnew\n{report.END}\nb\n")
        with self.assertRaises(SystemExit):
            report.replace_block("no markers", "new")

    def test_chart_is_well_formed(self):
        groups = report.chart_groups(results(), 1)
        self.assertEqual(groups[0], ("net", [("Outrider", 1.5, 10.0), ("ONNX Runtime", 1.0, 15.0)]))
        drawn = xml.dom.minidom.parseString(chart.draw([("1 thread", groups)], "<&>", "b"))
        widths = [float(r.getAttribute("width")) for r in drawn.getElementsByTagName("rect")
                  if r.getAttribute("height") == str(chart.BAR)]
        self.assertEqual(len(widths), 6)
        self.assertAlmostEqual(widths[0] / widths[1], 1.5, places=2)


class Bytes(unittest.TestCase):
    def test_tensor_becomes_npy(self):
        numbers = array.array("f", [1, -2.5, 3]).tobytes()
        shape = onnx_bytes.field(1, 1) + onnx_bytes.field(1, 3)
        kind = onnx_bytes.field(2, 1)
        for number in (4, 9):  # float_data, raw_data
            data = shape + kind + onnx_bytes.field(number, numbers)
            self.assertEqual(onnx_bytes.tensor(data), ("<f4", (1, 3), numbers))
        wide = onnx_bytes.field(1, 300) + onnx_bytes.field(2, 7) + onnx_bytes.field(7, b"\x05")
        self.assertEqual(onnx_bytes.tensor(wide),
                         ("<i8", (300,), array.array("q", [5]).tobytes()))
        packed = onnx_bytes.npy("<f4", (1, 3), numbers)
        self.assertEqual(len(packed) % 64, len(numbers))
        self.assertIn(b"'shape': (1, 3)", packed)

    def test_layers_are_what_they_say(self):
        """The engine reads the files and finds the same shapes and work."""
        program = os.path.join(os.environ.get("OUTRIDER_BUILD") or "build", "outrider")
        with tempfile.TemporaryDirectory() as folder:
            for layer in LAYERS:
                path = os.path.join(folder, "layer.onnx")
                with open(path, "wb") as f:
                    f.write(layer.model())
                told = json.loads(subprocess.run([program, "nn", "info", path, "--json"],
                                                 capture_output=True, check=True).stdout)
                self.assertEqual(told["multiply_adds"], layer.macs(), layer.label)
                self.assertEqual(told["outputs"][0]["shape"], list(layer.output_shape()))
                self.assertEqual(told["inputs"][0]["shape"], [1, layer.C, layer.H, layer.W])


if __name__ == "__main__":
    unittest.main()
