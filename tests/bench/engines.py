"""The engines that are compared: whether each is here, how it is started, and talking to it.

Every one is a process that answers lines with lines (load, run N, outputs; daemon/cli/
nn_interactive.c), pinned to the same CPUs. One that is not installed is skipped by name."""
import glob
import json
import os
import re
import select
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"  # the one that Debian's modules are for
SCRIPTS = {"opencv": "opencv.py", "torch": "torch_layer.py"}
ANSWER_S = 300
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    # Freed memory stays with the process: engines that allocate while they run would otherwise be
    # measured by how fast the system hands out fresh pages.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}


class Failed(Exception):
    """The engine said why it cannot."""


class Engine:
    """One process with one model."""

    def __init__(self, argv, cpus, log):
        self.process = subprocess.Popen(
            ["taskset", "-c", cpus] + argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=log, text=True, bufsize=1, env=dict(os.environ, **ENVIRONMENT))
        if self._line() != "ready":
            self.close()
            raise Failed("did not start")

    def _line(self):
        if not select.select([self.process.stdout], [], [], ANSWER_S)[0]:
            self.close()
            raise Failed(f"no answer within {ANSWER_S} s")
        return self.process.stdout.readline().strip()

    def ask(self, command):
        """The numbers it answers with."""
        try:
            self.process.stdin.write(command + "\n")
            line = self._line()
        except OSError:
            line = ""
        try:
            return [float(word) for word in line.split()] if line else self._died()
        except ValueError:
            raise Failed(line.removeprefix("error ")) from None

    def _died(self):
        raise Failed("died")

    def memory(self, key):
        """VmRSS or VmHWM (the most so far), in bytes."""
        with open(f"/proc/{self.process.pid}/status") as f:
            for line in f:
                if line.startswith(key):
                    return int(line.split()[1]) * 1024
        return 0

    def ticks(self):
        """Processor time it has had."""
        with open(f"/proc/{self.process.pid}/stat") as f:
            return sum(map(int, f.read().rpartition(")")[2].split()[11:13]))

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _debian_version(package):
    found = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True,
                           text=True)
    if found.returncode:
        return None
    snapshot = re.search(r"git(\d{8})", found.stdout)
    return f"of {snapshot[1]}" if snapshot else re.split(r"[+-]", found.stdout)[0]


def _python_version(module, package):
    found = subprocess.run([PYTHON, "-c", f"import {module}, numpy"], capture_output=True)
    return _debian_version(package) if found.returncode == 0 else None


class Engines:
    """Which engines are here: versions {name: text}, skipped {name: why}."""

    def __init__(self, build, peers):
        self.build = build
        machine = {"x86_64": "x64", "aarch64": "arm64"}.get(os.uname().machine, "")
        self.package = os.path.join(peers, "node_modules/onnxruntime-node")
        self.library = "".join(glob.glob(os.path.join(
            self.package, f"bin/napi-v*/linux/{machine}/libonnxruntime.so.[0-9]")))
        self.versions, self.skipped = {}, {}
        found = {"ort": self._ort_version(), "opencv": _python_version("cv2", "python3-opencv"),
                 "torch": _python_version("torch", "python3-torch"),
                 "onednn": self._built("onednn", "libdnnl2"),
                 "xnnpack": self._built("xnnpack", "libxnnpack0")}
        for name, version in found.items():
            if version:
                self.versions[name] = version
            else:
                self.skipped[name] = "not installed (make bench-deps)"

    def _ort_version(self):
        try:
            with open(os.path.join(self.package, "package.json")) as f:
                return json.load(f)["version"] if self.library else None
        except OSError:
            return None

    def _built(self, name, package):
        return _debian_version(package) if os.path.exists(self._built_peer(name)) else None

    def _built_peer(self, name):
        return os.path.join(self.build, "tests/bench/peers", name)

    def has(self, name):
        return name == "outrider" or name in self.versions

    def start(self, name, model, inputs, threads, cpus, log):
        """model: a path, or for engines of layers the layer's text."""
        program, count = os.path.join(self.build, "outrider"), str(threads)
        ours = ["nn", "bench", model, "--interactive", "--threads", count]
        ours += [word for path in inputs for word in ("--input", path)]
        script = [PYTHON, "-B", os.path.join(HERE, "peers", SCRIPTS.get(name, "")), model]
        argv = {
            "outrider": [program] + ours,
            "ort": [self._built_peer("ort"), self.library, model, count] + inputs,
            "opencv": script + [count] + inputs,
            "torch": script,
            "onednn": [self._built_peer("onednn"), model],
            "xnnpack": [self._built_peer("xnnpack"), model],
        }[name]
        return Engine(argv, cpus, log)

    def sizes(self):
        """Bytes on disk of the program that runs networks here, stripped, and of theirs."""
        found = {}
        stripped = os.path.join(self.build, "bench/outrider.stripped")
        program = os.path.join(self.build, "outrider")
        if subprocess.run(["strip", "-o", stripped, program]).returncode == 0:
            found["outrider"] = os.path.getsize(stripped)
            os.unlink(stripped)
        if self.library:
            found["ort"] = os.path.getsize(self.library)
        return found


def busy_ticks(cpus):
    """Processor time that these CPUs have given to anybody."""
    names = ["cpu" + n for n in cpus.split(",")]
    with open("/proc/stat") as f:
        rows = [line.split() for line in f]
    return sum(sum(map(int, r[1:4] + r[6:9])) for r in rows if r[0] in names)


def settle():
    """Workers that spin after a run go to sleep before somebody else runs."""
    time.sleep(0.01)
