"""As much of MetaDrive as metadrive_bridge.py calls."""
import math
import sys
import types

import scene

RIDE_Z = 0.5  # of the chassis above the road
EPISODE = 3  # steps
MODULES = ("metadrive", "metadrive.envs.metadrive_env")
ego = scene.Ego()
closed = []


class Vector(tuple):
    """Where numpy's arrays stand."""


class Picture:
    def __init__(self, data):
        self.data = data

    def tobytes(self):
        return self.data


class RGBCamera:
    pass


class IDMPolicy:
    pass


class BaseVehicle:
    def __init__(self, name, what):
        self.name, self.what = name, what
        self.LENGTH, self.WIDTH, self.HEIGHT = what["size"]

    @property
    def heading_theta(self):
        return ego.heading + self.what["yaw"]

    @property
    def position(self):
        return Vector(ego.world(*self.what["at"]))

    @property
    def velocity(self):
        return Vector(self.what["speed"] * f(self.heading_theta) for f in (math.cos, math.sin))


class Lane:
    """A part of the circle; lateral > 0 is left."""

    width = scene.LANE_WIDTH
    line_types = ("broken", "continuous")  # lateral < 0, > 0
    line_colors = ((1, 1, 1, 1), (1, 200 / 255, 0, 1))

    def __init__(self, start, length):
        self.start, self.length = start, length
        self.index = (">", ">>", 0)

    def local_coordinates(self, position):
        x, y = position[0] - scene.CENTRE[0], position[1] - scene.CENTRE[1]
        along = (math.atan2(x, -y) - self.start) * scene.LANE_RADIUS
        return along, scene.LANE_RADIUS - math.hypot(x, y)

    def position(self, along, lateral):
        assert 0 <= along <= self.length + 1e-6, "beyond the lane's end"
        return Vector(scene.lane_point(self.start + along / scene.LANE_RADIUS, lateral))

    def width_at(self, along):
        return self.width


class Navigation:
    def __init__(self, following):
        self.next_ref_lanes = [following]


class Agent(BaseVehicle):
    REAR_WHEELBASE = 1.4

    def __init__(self):
        what = dict(at=(self.REAR_WHEELBASE, 0), yaw=0, size=(4.5, 1.8, 1.2), speed=scene.SPEED)
        super().__init__("ego", what)
        self.origin = types.SimpleNamespace(getZ=lambda: RIDE_Z)
        self.body = types.SimpleNamespace(getAngularVelocity=lambda: (0, 0, scene.YAW_RATE))
        start = scene.START_HEADING - 10 / scene.LANE_RADIUS
        self.lane = Lane(start, 40)
        self.navigation = Navigation(Lane(start + 40 / scene.LANE_RADIUS, 60))


class Lens:
    ratio = fov = 0

    def setAspectRatio(self, ratio):
        self.ratio = ratio

    def setFov(self, degrees):
        self.fov = degrees


class Sensor:
    lens = Lens()
    number = 0

    def get_lens(self):
        return self.lens

    def perceive(self, to_float, new_parent_node, position, hpr):
        scene.close_to("the lens", (self.lens.ratio, self.lens.fov), (16 / 9, scene.FOV_DEG))
        x, y, z = position  # right, forward, up of the chassis
        where = (y + Agent.REAR_WHEELBASE, -x, z + new_parent_node.getZ())
        scene.close_to("the camera's place", where, scene.CAMERA)
        scene.close_to("its turn", hpr, (0, -scene.PITCH_DEG, 0))
        assert to_float is False
        self.number += 1
        return Picture(scene.picture(self.number, "BGR"))


class Engine:
    sensor = Sensor()

    def get_sensor(self, name):
        assert name == "rgb_camera"
        return self.sensor

    def get_objects(self, wanted):
        return {o.name: o for o in (agent, *others) if wanted(o)}


class MetaDriveEnv:
    def __init__(self, config):
        wanted = (RGBCamera, scene.WIDTH, scene.HEIGHT)
        assert config["sensors"]["rgb_camera"] == wanted and config["agent_policy"] is IDMPolicy
        self.period = config["physics_world_step_size"] * config["decision_repeat"]
        self.engine = Engine()

    @property
    def agent(self):
        return agent

    def reset(self):
        ego.t, self.left = 0.0, EPISODE
        return {}, {}

    def step(self, action):
        ego.t += self.period
        self.left -= 1
        return {}, 0.0, self.left == 0, False, {}

    def close(self):
        closed.append(True)


agent = Agent()
others = [BaseVehicle("3f", scene.CAR), BaseVehicle("77", scene.BEHIND)]


def install():
    for path, name in (
        ("metadrive.envs.metadrive_env", "MetaDriveEnv"),
        ("metadrive.component.sensors.rgb_camera", "RGBCamera"),
        ("metadrive.policy.idm_policy", "IDMPolicy"),
        ("metadrive.component.vehicle.base_vehicle", "BaseVehicle"),
    ):
        parts = path.split(".")
        for i in range(1, len(parts) + 1):
            sys.modules.setdefault(".".join(parts[:i]), types.ModuleType(parts[i - 1]))
        setattr(sys.modules[path], name, globals()[name])


def check_left():
    assert closed, "the simulator was not closed"
