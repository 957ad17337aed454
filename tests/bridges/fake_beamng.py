"""As much of beamngpy as beamng_bridge.py calls."""
import math
import os
import sys
import types

import scene

NODE_AHEAD, NODE_UP, OVERHANG = 1.2, 0.4, 0.9  # reference node from the rear axle on the ground
TROUBLE = os.environ.get("FAKE_TROUBLE")  # "camera" or "picture": there is none
MODULES = ("beamngpy",)
ego = scene.Ego()
closed, connected = [], []


class Image:
    def __init__(self, number):
        self.number = number

    def convert(self, mode):
        assert mode == "RGB"
        return self

    def tobytes(self):
        return scene.picture(self.number, "RGB")


class Vehicle:
    def __init__(self, vid, model):
        self.vid, self.model = vid, model
        self.what = {"traffic_1": scene.CAR, "traffic_2": scene.BEHIND}.get(vid)
        self.ai = types.SimpleNamespace(set_mode=lambda mode: None)

    def connect(self, bng):
        connected.append(self.vid)

    def footprint(self):
        """Centre, heading, size and speed."""
        if self.what:
            at, yaw = ego.world(*self.what["at"]), ego.heading + self.what["yaw"]
            return at, yaw, self.what["size"], self.what["speed"]
        return ego.world(4.5 / 2 - OVERHANG, 0), ego.heading, (4.5, 1.8, 1.5), scene.SPEED

    def state(self):
        (x, y), heading, _, speed = self.footprint()
        c, s = math.cos(heading), math.sin(heading)
        ahead = NODE_AHEAD + OVERHANG - 4.5 / 2
        return dict(
            pos=[x + c * ahead, y + s * ahead, scene.GROUND_Z + NODE_UP],
            dir=[c, s, 0.0],
            up=[0.0, 0.0, 1.0],
            vel=[speed * c, speed * s, 0.0],
        )

    def get_bbox(self):
        assert self.vid == "ego" or self.vid in connected
        (x, y), heading, (length, width, height), _ = self.footprint()
        c, s = math.cos(heading), math.sin(heading)
        corners = {}
        for end, a in (("front", length / 2), ("rear", -length / 2)):
            for level, z in (("bottom", 0.0), ("top", height)):
                for side, b in (("left", width / 2), ("right", -width / 2)):
                    at = [x + c * a - s * b, y + s * a + c * b, scene.GROUND_Z + z]
                    corners[f"{end}_{level}_{side}"] = at
        return corners


class Scenario:
    def __init__(self, level, name):
        self.made = False

    def add_vehicle(self, vehicle, pos, rot_quat):
        assert len(pos) == 3 and len(rot_quat) == 4

    def make(self, bng):
        self.made = True


class Camera:
    number = 0

    def __init__(self, name, bng, vehicle, pos, dir, up, resolution, field_of_view_y, **more):
        if TROUBLE == "camera":
            raise ValueError("no camera today")
        where = (NODE_AHEAD - pos[1], pos[0], pos[2] + NODE_UP)
        scene.close_to("the camera's place", where, scene.CAMERA)
        pitch = math.radians(scene.PITCH_DEG)
        scene.close_to("its direction", dir, (0, -math.cos(pitch), -math.sin(pitch)))
        scene.close_to("its up", up, (0, -math.sin(pitch), math.cos(pitch)))
        scene.close_to("the picture's size", resolution, (scene.WIDTH, scene.HEIGHT))
        half = math.tan(math.radians(scene.FOV_DEG / 2)) * scene.HEIGHT / scene.WIDTH
        scene.close_to("the field of view", [field_of_view_y], [math.degrees(2 * math.atan(half))])

    def send_ad_hoc_poll_request(self):
        self.number += 1
        self.asked = 0
        return self.number

    def is_ad_hoc_poll_request_ready(self, request):
        """Asked for the second time."""
        assert request == self.number
        self.asked += 1
        return self.asked > 1 and TROUBLE != "picture"

    def collect_ad_hoc_poll_request(self, request):
        assert request == self.number and self.asked > 1
        return {"colour": Image(request)}

    def remove(self):
        closed.append("camera")


class BeamNGpy:
    def __init__(self, host, port):
        assert (host, port) == ("127.0.0.1", 25252)
        self.cars = {v.vid: v for v in (Vehicle("traffic_1", "etk"), Vehicle("traffic_2", "etk"))}
        self.paused, self.hz = False, None
        self.settings = types.SimpleNamespace(set_deterministic=self.set_deterministic)
        self.scenario = types.SimpleNamespace(load=self.load, start=lambda: None)
        self.traffic = types.SimpleNamespace(spawn=lambda max_amount: None)
        self.control = types.SimpleNamespace(pause=self.pause, step=self.step)
        self.vehicles = types.SimpleNamespace(
            get_current=lambda include_config: {"ego": Vehicle("ego", "etk800"), **self.cars},
            get_states=self.get_states,
        )

    def open(self):
        return self

    def set_deterministic(self, hz):
        assert isinstance(hz, int)
        self.hz = hz

    def load(self, scenario):
        assert scenario.made

    def pause(self):
        self.paused = True

    def step(self, count):
        assert self.paused
        ego.t += count / self.hz

    def get_states(self, names):
        return {n: self.cars.get(n, Vehicle("ego", "etk800")).state() for n in names}

    def close(self):
        closed.append("simulator")


def install():
    package, sensors = types.ModuleType("beamngpy"), types.ModuleType("beamngpy.sensors")
    package.BeamNGpy, package.Scenario, package.Vehicle = BeamNGpy, Scenario, Vehicle
    package.sensors, sensors.Camera = sensors, Camera
    sys.modules.update({"beamngpy": package, "beamngpy.sensors": sensors})


def check_left():
    assert closed[-1:] == ["simulator"], "the simulator was not closed"
    assert "camera" in closed or TROUBLE == "camera", "the camera stays"
