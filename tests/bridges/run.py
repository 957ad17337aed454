"""Runs a bridge on the fake of its simulator:  run.py carla|metadrive|beamng OPTION...
Ends as the bridge does, or by an AssertionError where it called or left the simulator wrongly. In
the environment: FAKE_TROUBLE, what goes wrong in the simulator; FAKE_LINES, a file that collects
which lines of the bridge ran; FAKE_ALL_LINES, to fail unless by now each of them did."""
import importlib
import os
import pathlib
import runpy
import sys

HERE = pathlib.Path(__file__).resolve().parent
BRIDGES = HERE.parents[1] / "sim" / "bridges"


def lines_of(code):
    """Those that do something."""
    lines = {line for _, _, line in code.co_lines() if line}
    for constant in code.co_consts:
        if hasattr(constant, "co_lines"):
            lines |= lines_of(constant)
    return lines


class Tracer:
    def __init__(self, path):
        self.path, self.lines = str(path), set()

    def __call__(self, frame, event, _):
        if frame.f_code.co_filename != self.path:
            return None
        self.lines.add(frame.f_lineno)
        return self

    def missing(self, collected):
        """Those that never ran, in no run that collected there."""
        earlier = collected.read_text().split() if collected.exists() else []
        self.lines |= {int(line) for line in earlier}
        collected.write_text("\n".join(str(line) for line in self.lines))
        code = compile(pathlib.Path(self.path).read_text(), self.path, "exec")
        return sorted(lines_of(code) - self.lines)


def main():
    name = sys.argv.pop(1)
    sys.path[:0] = [str(HERE), str(BRIDGES)]
    fake = importlib.import_module(f"fake_{name}")
    fake.install()
    if os.environ.get("FAKE_TROUBLE") == "module":
        sys.modules.update({m: None for m in fake.MODULES})
    tracer = Tracer(BRIDGES / f"{name}_bridge.py")
    sys.argv[0] = tracer.path
    sys.settrace(tracer)
    status = 0
    try:
        runpy.run_path(tracer.path, run_name="__main__")
    except SystemExit as e:
        if not isinstance(e.code, int):
            print(e.code, file=sys.stderr)
        status = e.code if isinstance(e.code, int) else 1
    sys.settrace(None)
    if os.environ.get("FAKE_TROUBLE") != "module":
        fake.check_left()
    missing = tracer.missing(pathlib.Path(os.environ.get("FAKE_LINES", os.devnull)))
    if missing and "FAKE_ALL_LINES" in os.environ:
        sys.exit(f"{tracer.path}: lines that did not run: {missing}")
    sys.exit(status)


main()
