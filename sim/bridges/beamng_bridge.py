"""BeamNG.tech with beamngpy 1.27 or later -> outriderd. Start outriderd, then
    BNG_HOME=/path/to/BeamNG.tech python3 sim/bridges/beamng_bridge.py --lockstep

BeamNG's world is right-handed, z up, in metres; along a car's own axes x is to the left and y to
the back, counted from its reference node. Where the rear axle is nobody says: --overhang does.
Roads are decals whose lines are in their textures, so there is no truth of lanes."""
import math
import time

import outrider_bridge as outrider
from outrider_bridge import Pose, Snapshot, Thing, Trouble, dot
from proto import frame_pb2, objects_pb2

OPTIONS = (
    ("--host", "127.0.0.1", "where BeamNG.tech runs"),
    ("--port", 25252, "of BeamNG.tech"),
    ("--level", "west_coast_usa", "to drive in"),
    ("--model", "etk800", "of the car that carries the camera"),
    ("--at", "-717.121,101,118.675", "where it starts, as in --at=-717,101,119"),
    ("--turned", "0,0,0.3826834,0.9238795", "how: a quaternion x,y,z,w"),
    ("--overhang", 0.9, "rear axle to rear end of that car, m"),
    ("--traffic", 8, "other cars"),
)
INSTALL = "pip install beamngpy"
STEPS_HZ = 60  # about; a whole number of them is the time between two frames


def numbers(text):
    return tuple(float(n) for n in text.split(","))


class Extent:
    """A car's box along its own axes, from its eight corners in the world."""

    def __init__(self, vehicle, pose):
        corners = [pose.local(tuple(c)) for c in vehicle.get_bbox().values()]
        self.low = tuple(min(c) for c in zip(*corners))
        self.high = tuple(max(c) for c in zip(*corners))

    @property
    def size(self):
        return tuple(b - a for a, b in zip(self.low, self.high))

    @property
    def bottom(self):
        return tuple((a + b) / 2 for a, b in zip(self.low[:2], self.high)) + (self.low[2],)


class BeamNG:
    def __init__(self, options, camera):
        self.options = options
        self.beamngpy = outrider.need("beamngpy", INSTALL)
        self.sensors = outrider.need("beamngpy.sensors", INSTALL)
        self.steps_each = max(1, round(STEPS_HZ / options.rate))
        self.steps_hz = round(self.steps_each * options.rate)
        self.steps, self.heading, self.speed, self.camera = 0, None, None, None
        self.bng = self.beamngpy.BeamNGpy(options.host, options.port)
        try:
            self.bng.open()
            self.load()
            self.extents = self.measure()
            self.axle = self.rear_axle()
            self.mount(camera)
        except BaseException:
            self.close()
            raise

    def load(self):
        self.ego = self.beamngpy.Vehicle("ego", model=self.options.model)
        scenario = self.beamngpy.Scenario(self.options.level, "outrider")
        scenario.add_vehicle(
            self.ego, pos=numbers(self.options.at), rot_quat=numbers(self.options.turned)
        )
        scenario.make(self.bng)
        self.bng.settings.set_deterministic(self.steps_hz)
        self.bng.scenario.load(scenario)
        self.bng.scenario.start()
        if self.options.traffic:
            self.bng.traffic.spawn(max_amount=self.options.traffic)
        self.ego.ai.set_mode("traffic")
        self.bng.control.pause()

    def measure(self):
        """How big each car is: once, before anything falls off."""
        cars = {"ego": self.ego}
        for name, car in self.bng.vehicles.get_current(include_config=False).items():
            if name != "ego":
                car.connect(self.bng)
                cars[name] = car
        poses = self.poses(cars)
        return {name: Extent(car, poses[name][0]) for name, car in cars.items()}

    def poses(self, names):
        """Reference node and speed of each, at one instant."""
        states = self.bng.vehicles.get_states(list(names))
        return {
            name: (Pose(*(tuple(s[key]) for key in ("pos", "dir", "up"))), tuple(s["vel"]))
            for name, s in states.items()
        }

    def rear_axle(self):
        """Its centre on the ground, along our car's axes."""
        e = self.extents["ego"]
        return (e.low[0] + self.options.overhang, e.bottom[1], e.low[2])

    def mount(self, camera):
        x, y, z = (a + b for a, b in zip(self.axle, (camera.x_m, camera.y_m, camera.z_m)))
        forward, _, up = camera.axes()
        self.camera = self.sensors.Camera(
            "outrider",
            self.bng,
            self.ego,
            requested_update_time=-1.0,  # only when we ask
            pos=(y, -x, z),
            dir=(forward[1], -forward[0], forward[2]),
            up=(up[1], -up[0], up[2]),
            resolution=(camera.width, camera.height),
            field_of_view_y=math.degrees(camera.vertical_fov_rad),
            near_far_planes=(0.1, 1000.0),
            is_using_shared_memory=False,
            is_render_annotations=False,
            is_render_depth=False,
        )

    def step(self):
        self.bng.control.step(self.steps_each)
        self.steps += self.steps_each
        poses = self.poses(self.extents)
        body, velocity = poses["ego"]
        here = Pose(body.world(self.axle), body.forward, body.up)
        speed = dot(velocity, here.forward)
        yaw_rate, acceleration = self.motion(here, speed)
        return Snapshot(
            t_ns=round(self.steps * 1e9 / self.steps_hz),
            pixels=self.picture(),
            encoding=frame_pb2.RGB8,
            speed_mps=speed,
            yaw_rate_radps=yaw_rate,
            acceleration_mps2=acceleration,
            things=[self.thing(here, n, *poses[n]) for n in poses if n != "ego"],
        )

    def picture(self):
        """Of this instant: the world is paused while it is drawn."""
        deadline = time.monotonic() + self.options.wait
        request = self.camera.send_ad_hoc_poll_request()
        while not self.camera.is_ad_hoc_poll_request_ready(request):
            if time.monotonic() > deadline:
                raise Trouble(f"BeamNG's camera gave no picture at {self.steps} steps")
            time.sleep(0.001)
        picture = self.camera.collect_ad_hoc_poll_request(request)
        return picture["colour"].convert("RGB").tobytes()

    def motion(self, here, speed):
        """What changed since the last step."""
        heading = math.atan2(here.forward[1], here.forward[0])
        before, self.heading = self.heading, heading
        slower, self.speed = self.speed, speed
        if before is None:
            return None, None
        period = self.steps_each / self.steps_hz
        return math.remainder(heading - before, 2 * math.pi) / period, (speed - slower) / period

    def thing(self, here, name, body, velocity):
        extent = self.extents[name]
        length, width, height = extent.size
        return Thing(
            key=name,
            object_class=objects_pb2.VEHICLE,
            at=here.local(body.world(extent.bottom)),
            yaw_rad=here.yaw_of(body.forward),
            length_m=length,
            width_m=width,
            height_m=height,
            velocity=here.turned(velocity),
        )

    def close(self):
        if self.camera:
            self.camera.remove()
        self.bng.close()


if __name__ == "__main__":
    outrider.main(BeamNG, __doc__, OPTIONS)
