"""What every bridge from a driving simulator to outriderd needs: a camera with its calibration, the
bus, the truth beside it, and the loop. A bridge is a class that steps its simulator and gives a
Snapshot in the vehicle frame of ISO 8855: x forward, y left, z up, metres and radians, origin on
the ground under the rear axle's centre. See carla_bridge.py.

Needs python3-zmq and python3-protobuf, and what `make` leaves in build/python."""
import argparse
import importlib
import math
import pathlib
import signal
import sys
import time
import uuid
from dataclasses import dataclass, field

BUILT = pathlib.Path(__file__).resolve().parents[2] / "build" / "python"
sys.path.append(str(BUILT))  # behind PYTHONPATH

import zmq
from proto import calibration_pb2, common_pb2, ego_pb2, frame_pb2, lanes_pb2, objects_pb2

STATIONS = (  # of lanes.proto
    [2.0 * i for i in range(11)]
    + [20 + 2.5 * i for i in range(1, 13)]
    + [50 + 5.0 * i for i in range(1, 11)]
)
MAX_OBJECTS = 64
FAR_M = 150.0  # nothing beyond is listed
NEAR_M = 0.1  # nor projected before this distance from the lens
QUEUE = 4  # frames; who is farther behind gets none
VALID_PERIODS = 2
BYTES_A_PIXEL = {frame_pb2.RGB8: 3, frame_pb2.BGR8: 3, frame_pb2.BGRA8: 4}


class Trouble(Exception):
    """The one line that somebody who started a bridge needs to read."""


def need(module, how):
    """The module, or how one gets it."""
    try:
        return importlib.import_module(module)
    except ImportError as e:
        raise Trouble(f"{e}: {how}") from None


def open_socket(context, kind, endpoint):
    socket = context.socket(kind)
    socket.linger = 1000
    if kind == zmq.XPUB:
        socket.sndhwm = QUEUE
        socket.setsockopt(zmq.XPUB_NODROP, 1)  # say so instead
        socket.setsockopt(zmq.XPUB_VERBOSER, 1)  # count every reader
    try:
        (socket.bind if kind == zmq.PUB else socket.connect)(endpoint)
    except zmq.ZMQError as e:
        context.destroy(linger=0)
        raise Trouble(f"'{endpoint}': {e} (they look like tcp://127.0.0.1:5701)") from None
    return socket


# ---- geometry --------------------------------------------------------------------------------


def dot(a, b):
    return float(sum(p * q for p, q in zip(a, b)))  # also of numpy's numbers


def cross(a, b):
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


@dataclass
class Pose:
    """Where a body's origin is and how it stands, in a right-handed world with z up."""

    at: tuple
    forward: tuple  # unit vectors
    up: tuple = (0.0, 0.0, 1.0)

    @property
    def left(self):
        return cross(self.up, self.forward)

    def turned(self, v):
        """A world vector along our axes."""
        return (dot(v, self.forward), dot(v, self.left), dot(v, self.up))

    def local(self, p):
        """A world point in our frame."""
        return self.turned(tuple(a - b for a, b in zip(p, self.at)))

    def world(self, p):
        """A point of our frame in the world."""
        axes = zip(self.at, self.forward, self.left, self.up)
        return tuple(a + p[0] * f + p[1] * l + p[2] * u for a, f, l, u in axes)

    def yaw_of(self, forward):
        """Heading of a world direction, left of ours > 0."""
        v = self.turned(forward)
        return math.atan2(v[1], v[0])


@dataclass
class Camera:
    """Pinhole; px, (0, 0) is the top left corner of the top left pixel. The place is the camera's
    centre in the vehicle frame; turned by Rz(yaw) Ry(pitch) Rx(roll): nose down is pitch > 0."""

    width: int
    height: int
    fx: float
    fy: float
    x_m: float
    y_m: float
    z_m: float
    roll_rad: float = 0.0
    pitch_rad: float = 0.0
    yaw_rad: float = 0.0

    @property
    def horizontal_fov_rad(self):
        return 2 * math.atan2(self.width / 2, self.fx)

    @property
    def vertical_fov_rad(self):
        return 2 * math.atan2(self.height / 2, self.fy)

    def axes(self):
        """Forward, left and up of the camera, in the vehicle frame."""
        (cr, sr), (cp, sp), (cy, sy) = (
            (math.cos(a), math.sin(a)) for a in (self.roll_rad, self.pitch_rad, self.yaw_rad)
        )
        return (
            (cy * cp, sy * cp, -sp),
            (cy * sp * sr - sy * cr, sy * sp * sr + cy * cr, cp * sr),
            (cy * sp * cr + sy * sr, sy * sp * cr - cy * sr, cp * cr),
        )

    def seen(self, p):
        """A point of the vehicle frame along the camera's axes."""
        v = (p[0] - self.x_m, p[1] - self.y_m, p[2] - self.z_m)
        return tuple(dot(v, axis) for axis in self.axes())

    def pixel(self, seen):
        return (
            self.width / 2 - self.fx * seen[1] / seen[0],
            self.height / 2 - self.fy * seen[2] / seen[0],
        )


# ---- what a simulator says ---------------------------------------------------------------------


@dataclass
class Thing:
    """A road user as an upright box, in the vehicle frame. object_class: objects_pb2.CAR, ..."""

    key: object  # the simulator's own name of it
    object_class: int
    at: tuple  # centre of its footprint
    yaw_rad: float
    length_m: float
    width_m: float
    height_m: float
    velocity: tuple  # over ground, along our axes

    def point(self, along, across, up):
        """-0.5 .. 0.5 of its length (front) and width (left), 0 .. 1 of its height."""
        c, s = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        a, b = along * self.length_m, across * self.width_m
        x, y, z = self.at
        return (x + c * a - s * b, y + s * a + c * b, z + up * self.height_m)


@dataclass
class Boundary:
    """A line of the road in the vehicle frame, from behind us (x < 0) to far ahead."""

    role: int  # +1 left of our lane, -1 right
    points: list
    kind: int = lanes_pb2.LINE
    type: int = lanes_pb2.LANE_TYPE_UNKNOWN
    color: int = lanes_pb2.LANE_COLOR_UNKNOWN

    def at(self, x):
        """(y, z) there, or None."""
        for a, b in zip(self.points, self.points[1:]):
            if a[0] <= x <= b[0] and b[0] > a[0]:
                share = (x - a[0]) / (b[0] - a[0])
                return tuple(p + share * (q - p) for p, q in zip(a[1:], b[1:]))
        return None


@dataclass
class Snapshot:
    """One instant. t_ns: the simulator's clock; a time before the last one starts a new drive."""

    t_ns: int
    pixels: bytes
    encoding: int  # frame_pb2.BGRA8, ...; rows without padding
    speed_mps: float  # forward
    yaw_rate_radps: float  # left turn > 0; None: not known
    acceleration_mps2: float = None  # forward; None: not known
    things: list = field(default_factory=list)
    boundaries: list = None  # None: the simulator does not say where the lines are


# ---- truth -------------------------------------------------------------------------------------


def outline(camera, thing):
    """(x1, y1, x2, y2) of the whole box in px, also outside the picture; None: it is behind us.
    Around its edges, cut where they pass the lens."""
    corners = [(a, b, c) for a in (-0.5, 0.5) for b in (-0.5, 0.5) for c in (0.0, 1.0)]
    pixels = []
    for i, p in enumerate(corners):
        for q in corners[i + 1 :]:
            if sum(u != v for u, v in zip(p, q)) != 1:
                continue
            a, b = camera.seen(thing.point(*p)), camera.seen(thing.point(*q))
            if max(a[0], b[0]) < NEAR_M:
                continue
            if a[0] > b[0]:
                a, b = b, a
            if a[0] < NEAR_M:  # cut there
                share = (NEAR_M - a[0]) / (b[0] - a[0])
                a = tuple(u + share * (v - u) for u, v in zip(a, b))
            pixels += [camera.pixel(a), camera.pixel(b)]
    if not pixels:
        return None
    xs, ys = zip(*pixels)
    return (min(xs), min(ys), max(xs), max(ys))


def clipped(camera, box):
    return (max(box[0], 0), max(box[1], 0), min(box[2], camera.width), min(box[3], camera.height))


def area(box):
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)


def near_face(camera, thing):
    """Bottom centre of the upright face that looks at the camera most."""

    def facing(face):
        normal = thing.yaw_rad + math.atan2(face[1], face[0])
        to_us = (camera.x_m - thing.at[0], camera.y_m - thing.at[1])
        return math.cos(normal) * to_us[0] + math.sin(normal) * to_us[1]

    return thing.point(*max(((0.5, 0), (0, 0.5), (-0.5, 0), (0, -0.5)), key=facing), 0)


def fill_object(o, camera, thing, s):
    """All but its id. False: it is not in the picture."""
    whole = outline(camera, thing)
    if not whole or math.hypot(*thing.at[:2]) > FAR_M or not area(clipped(camera, whole)):
        return False
    o.ground_truth_id = o.id
    o.existence_probability = o.detection_score = 1
    o.measurement = common_pb2.MEASURED
    o.classes.add(object_class=thing.object_class, probability=1)
    o.truncation = 1 - area(clipped(camera, whole)) / area(whole)
    o.box.x1, o.box.y1, o.box.x2, o.box.y2 = clipped(camera, whole)
    o.reference = objects_pb2.NEAR_FACE
    o.x_m, o.y_m, o.z_m = near_face(camera, thing)
    o.vx_mps, o.vy_mps = thing.velocity[0] - s.speed_mps, thing.velocity[1]
    o.velocity_reference = objects_pb2.RELATIVE_TO_EGO
    o.yaw_rad = thing.yaw_rad
    o.length_m, o.width_m, o.height_m = map(float, (thing.length_m, thing.width_m, thing.height_m))
    o.dimension_source = objects_pb2.DIMENSION_MEASURED
    return True


def fill_boundary(out, camera, line):
    out.id = line.role + 3
    out.role, out.kind = line.role, line.kind
    out.existence_probability = 1
    out.measurement = common_pb2.MEASURED
    if line.type:
        out.types.add(type=line.type, probability=1)
    if line.color:
        out.colors.add(color=line.color, probability=1)
    for x in STATIONS:
        y, z = line.at(x) or (math.nan, math.nan)
        out.y_m.append(y)
        out.z_m.append(z)
        out.sigma_y_m.append(math.nan if math.isnan(y) else 0)
    known = [x for x, y in zip(STATIONS, out.y_m) if not math.isnan(y)]
    if known:
        out.x_min_m, out.x_max_m = known[0], known[-1]
    for x, y, z in zip(STATIONS, out.y_m, out.z_m):
        seen = camera.seen((x, y, z))
        if not seen[0] > NEAR_M:  # NaN, too
            continue
        u, v = camera.pixel(seen)
        if 0 <= u <= camera.width and 0 <= v <= camera.height:
            out.pixel_x.append(u)
            out.pixel_y.append(v)


def fill_ego_lane(out, lines):
    """From both our lines, at the rear axle; nothing where one of them is not known there."""
    sides = [next((b for b in lines if b.role == role), None) for role in (1, -1)]
    if None in sides:
        return
    near = [side.at(0) for side in sides]
    if None in near:
        return
    out.offset_m = -(near[0][0] + near[1][0]) / 2
    out.offset_sigma_m = out.width_sigma_m = 0
    ahead = [[side.at(x) for x in (5, 10)] for side in sides]
    slope = 0.0
    if None not in ahead[0] + ahead[1]:  # the parabola through 0, 5 and 10 m
        y0, y5, y10 = -out.offset_m, *((a[0] + b[0]) / 2 for a, b in zip(*ahead))
        slope = (4 * y5 - y10 - 3 * y0) / 10
        out.heading_rad = -math.atan(slope)
        out.curvature_1pm = (y10 - 2 * y5 + y0) / 25 / (1 + slope * slope) ** 1.5
        out.heading_sigma_rad = out.curvature_sigma_1pm = 0
    out.width_m = (near[0][0] - near[1][0]) / math.sqrt(1 + slope * slope)


class Truth:
    """What really is there, beside the frames: truth/objects/<camera>, truth/lanes/<camera> and
    truth/ego/<vehicle>, with the bodies of the topics without truth/."""

    def __init__(self, context, options, camera):
        self.options, self.camera = options, camera
        self.socket = open_socket(context, zmq.PUB, options.truth)
        self.identities = {}
        self.run = uuid.uuid4().bytes

    def header(self, frame):
        period_ns = round(1e9 / self.options.rate)
        return common_pb2.Header(
            schema_major=1,
            run_uuid=self.run,
            model_id="truth",
            seq=frame.frame_id + 1,
            camera=self.options.camera,
            frame_id=frame.frame_id,
            t_sof_ns=frame.t_sof_ns,
            clock_id=frame.clock_id,
            clock_epoch=frame.clock_epoch,
            state_time_ns=frame.t_sof_ns,
            expected_period_ns=period_ns,
            valid_until_ns=frame.t_sof_ns + VALID_PERIODS * period_ns,
            qualifier=common_pb2.AVAILABLE,
        )

    def objects(self, s, header):
        message = objects_pb2.Objects(header=header)
        for thing in sorted(s.things, key=lambda t: math.hypot(*t.at[:2])):
            o = objects_pb2.TrackedObject()
            o.id = self.identities.setdefault(thing.key, len(self.identities) + 1)
            if len(message.objects) < MAX_OBJECTS and fill_object(o, self.camera, thing, s):
                message.objects.append(o)
        return message

    def lanes(self, s, header):
        message = lanes_pb2.Lanes(header=header)
        if s.boundaries is None:
            message.header.qualifier = common_pb2.NOT_AVAILABLE
            return message
        for line in sorted(s.boundaries, key=lambda b: -b.role):
            fill_boundary(message.boundaries.add(), self.camera, line)
        fill_ego_lane(message.ego_lane, s.boundaries)
        return message

    def publish(self, s, frame, ego):
        header = self.header(frame)
        self.send(f"objects/{self.options.camera}", self.objects(s, header))
        self.send(f"lanes/{self.options.camera}", self.lanes(s, header))
        self.send(f"ego/{self.options.vehicle}", ego)

    def send(self, topic, message):
        self.socket.send_multipart([f"truth/{topic}".encode(), message.SerializeToString()])


def ego_of(s, epoch):
    return ego_pb2.Ego(
        schema_major=1,
        t_ns=s.t_ns,
        clock_id=common_pb2.CLOCK_SIM,
        clock_epoch=epoch,
        speed_mps=s.speed_mps,
        yaw_rate_radps=s.yaw_rate_radps,
        acceleration_mps2=s.acceleration_mps2,
    )


# ---- the bus -----------------------------------------------------------------------------------


def is_answer(message, frame):
    if message is None or not message.header.HasField("frame_id"):
        return False
    return (message.header.frame_id, message.header.t_sof_ns) == (frame.frame_id, frame.t_sof_ns)


class Bus:
    """One camera on the bus. objects, lanes: the newest answer of each kind, or None."""

    def __init__(self, options, camera):
        self.options, self.camera = options, camera
        self.objects = self.lanes = None
        self.frames_sent = self.frames_refused = self.readers = 0
        self.epoch, self.last_ns, self.gone_s = 0, None, None
        self.context = zmq.Context()
        self.frames = open_socket(self.context, zmq.XPUB, options.frames)
        self.answers = open_socket(self.context, zmq.SUB, options.answers)
        self.names = {k: f"{k}/{options.camera}".encode() for k in ("objects", "lanes", "frame")}
        self.names["calibration"] = f"calibration/{options.camera}".encode()
        self.names["ego"] = f"ego/{options.vehicle}".encode()
        for topic in (self.names["objects"], self.names["lanes"], b"status"):
            self.answers.subscribe(topic)
        self.truth = None if options.truth == "none" else Truth(self.context, options, camera)

    def close(self):
        self.context.destroy(linger=1000)

    def send(self, kind, *parts):
        """False: nobody could take it."""
        try:
            self.frames.send_multipart([self.names[kind], *parts], zmq.DONTWAIT)
            return True
        except zmq.Again:
            return False

    def calibrate(self):
        c = self.camera
        message = calibration_pb2.Calibration(
            schema_major=1,
            width=c.width,
            height=c.height,
            model=calibration_pb2.PINHOLE,
            fx=c.fx,
            fy=c.fy,
            cx=c.width / 2,
            cy=c.height / 2,
            x_m=c.x_m,
            y_m=c.y_m,
            z_m=c.z_m,
            roll_rad=c.roll_rad,
            pitch_rad=c.pitch_rad,
            yaw_rad=c.yaw_rad,
        )
        self.send("calibration", message.SerializeToString())

    def read_subscriptions(self):
        """Each new reader is told the calibration."""
        while self.frames.poll(0):
            wish = self.frames.recv()
            on, topic = wish[:1] == b"\1", wish[1:]
            if self.names["frame"].startswith(topic):
                self.readers += 1 if on else -1
            if on and self.names["calibration"].startswith(topic):
                self.calibrate()

    def read_answers(self):
        while self.answers.poll(0):
            topic, body = self.answers.recv_multipart()
            if topic == self.names["objects"]:
                self.objects = objects_pb2.Objects.FromString(body)
            if topic == self.names["lanes"]:
                self.lanes = lanes_pb2.Lanes.FromString(body)

    def await_daemon(self):
        """Until the daemon takes frames and was heard."""
        deadline = time.monotonic() + self.options.wait
        while self.readers <= 0 or not self.answers.poll(0):
            if time.monotonic() > deadline:
                raise Trouble(self.missing_daemon())
            zmq.select([self.answers if self.readers > 0 else self.frames], [], [], 0.1)
            self.read_subscriptions()

    def missing_daemon(self):
        o = self.options
        if self.readers > 0:
            return f"{o.frames} takes frames, but no message comes from {o.answers}"
        return f"no daemon at {o.frames} takes frames: is outriderd running?"

    def await_answers(self, header):
        """Until objects and lanes answered this frame."""
        deadline = time.monotonic() + self.options.wait
        while not (is_answer(self.objects, header) and is_answer(self.lanes, header)):
            left = deadline - time.monotonic()
            if left <= 0 or not self.answers.poll(1000 * left):
                missing = "lanes" if is_answer(self.objects, header) else "objects"
                raise Trouble(
                    f"no {missing} message at {self.options.answers} answers frame"
                    f" {header.frame_id} within {self.options.wait:g} s"
                )
            self.read_answers()

    def header(self, s, last):
        if self.last_ns is not None and s.t_ns < self.last_ns:
            self.epoch += 1
        self.last_ns = s.t_ns
        return frame_pb2.FrameHeader(
            schema_major=1,
            frame_id=self.frames_sent + self.frames_refused,
            t_sof_ns=s.t_ns,
            clock_id=common_pb2.CLOCK_SIM,
            clock_epoch=self.epoch,
            encoding=s.encoding,
            width=self.camera.width,
            height=self.camera.height,
            last=last,
        )

    def publish(self, s, last):
        """A snapshot: truth, ego motion, then the frame; in lock-step until it is answered."""
        size = self.camera.width * self.camera.height * BYTES_A_PIXEL[s.encoding]
        if len(s.pixels) != size:
            raise Trouble(f"the simulator's picture has {len(s.pixels)} bytes in place of {size}")
        self.read_subscriptions()
        header = self.header(s, last)
        ego = ego_of(s, self.epoch)
        if self.truth:
            self.truth.publish(s, header, ego)
        self.send("ego", ego.SerializeToString())
        if self.readers > 0 and self.send("frame", header.SerializeToString(), s.pixels):
            self.frames_sent += 1
            self.gone_s = None
        else:
            self.refused(header)
        if self.options.lockstep:
            self.await_answers(header)
        self.read_answers()

    def refused(self, header):
        """A daemon that is gone, not one that is slow for a moment, ends the drive."""
        now = time.monotonic()
        self.frames_refused += 1
        self.gone_s = self.gone_s or now
        if self.options.lockstep or now - self.gone_s > self.options.wait:
            raise Trouble(
                f"the daemon at {self.options.frames} is gone: nobody takes frame {header.frame_id}"
            )

    def summary(self):
        """What was answered last, in a line."""
        if not self.objects or not self.lanes:
            return "no answer yet"
        h = self.objects.header
        words = [f"frame {h.frame_id}" if h.HasField("frame_id") else "no frame"]
        words += [common_pb2.Qualifier.Name(h.qualifier)]
        words += [common_pb2.Reason.Name(r) for r in h.reasons]
        words += [f"{len(self.objects.objects)} objects, {len(self.lanes.boundaries)} boundaries"]
        words += [f"lead at {o.x_m:.1f} m" for o in self.objects.objects if o.is_lead]
        if self.lanes.ego_lane.HasField("offset_m"):
            words += [f"{self.lanes.ego_lane.offset_m:+.2f} m left of the lane's centre"]
        return " ".join(words)


# ---- the program -------------------------------------------------------------------------------

COMMON = (  # name, default, help
    ("--frames", "tcp://127.0.0.1:5701", "endpoint where the daemon takes frames"),
    ("--answers", "tcp://127.0.0.1:5702", "endpoint of its messages"),
    ("--truth", "tcp://127.0.0.1:5703", "endpoint to say the truth at, or none"),
    ("--camera", "front", "name in the topics frame/NAME, truth/objects/NAME"),
    ("--vehicle", "car", "name in the topic ego/NAME"),
    ("--width", 640, "of the picture, px"),
    ("--height", 360, "of the picture, px"),
    ("--fov", 60.0, "horizontal field of view, degrees"),
    ("--x", 1.6, "camera before the rear axle, m"),
    ("--y", 0.0, "camera to the left, m"),
    ("--z", 1.4, "camera above the ground, m"),
    ("--pitch", 0.0, "camera's nose down > 0, degrees"),
    ("--rate", 20.0, "frames a second of simulated time"),
    ("--count", 0, "frames to send; 0: until it is stopped"),
    ("--wait", 10.0, "seconds for the daemon or the simulator, before giving up"),
)
LIMITS = {"width": (1, 8192), "height": (1, 8192), "fov": (1, 170), "rate": (0.1, 1000)}


def parse(description, extra):
    p = argparse.ArgumentParser(
        description=description,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=100),
    )
    for name, default, text in (*COMMON, *extra):
        p.add_argument(name, type=type(default), default=default, help=f"{text} ({default})")
    p.add_argument("--lockstep", action="store_true", help="each step waits for the answer")
    p.add_argument("--traceback", action="store_true", help="where in Python it went wrong")
    o = p.parse_args()
    for name, (low, high) in LIMITS.items():
        if not low <= getattr(o, name) <= high:
            p.error(f"--{name} is {getattr(o, name)}, limit {low}..{high}")
    return o


def camera_of(o):
    f = o.width / 2 / math.tan(math.radians(o.fov) / 2)
    return Camera(o.width, o.height, f, f, o.x, o.y, o.z, pitch_rad=math.radians(o.pitch))


def drive(simulator, bus, o):
    """Live, steps are paced by the clock; the simulator may be slower."""
    start = shown = time.monotonic()
    n = 0
    while not o.count or n < o.count:
        bus.publish(simulator.step(), last=n + 1 == o.count)
        n += 1
        if not o.lockstep:
            time.sleep(max(0, start + n / o.rate - time.monotonic()))
        if time.monotonic() - shown > 1:
            shown = time.monotonic()
            print(bus.summary(), flush=True)


def run(make, o):
    """From connecting to closing, whatever happens between."""
    camera = camera_of(o)
    bus = Bus(o, camera)
    try:
        bus.await_daemon()
        simulator = make(o, camera)
        try:
            drive(simulator, bus, o)
        finally:
            simulator.close()
    finally:
        print(f"{bus.frames_sent} frames sent, {bus.frames_refused} refused; {bus.summary()}")
        bus.close()


def interrupt(signum, frame):
    raise KeyboardInterrupt


def main(make, description, extra=()):
    """make(options, camera) gives the simulator: step() -> Snapshot, close(). extra: more options,
    as (name, default, help)."""
    o = parse(description, extra)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        run(make, o)
    except KeyboardInterrupt:
        pass
    except Exception as e:  # the simulators' own are of any kind
        if o.traceback:
            raise
        words = str(e) if isinstance(e, Trouble) else f"{type(e).__name__}: {e}"
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {words}")
