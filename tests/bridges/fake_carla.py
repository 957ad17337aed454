"""As much of CARLA's Python API as carla_bridge.py calls, with CARLA's units and handedness."""
import math
import os
import sys
import types

import scene

ORIGIN_AHEAD, ORIGIN_UP = 1.4, 0.1  # the actor's origin from the rear axle, on the ground
TROUBLE = os.environ.get("FAKE_TROUBLE")  # "room" or "picture": there is none
MODULES = ("carla",)
ego = scene.Ego()


class Vector3D:
    def __init__(self, x=0.0, y=0.0, z=0.0):
        self.x, self.y, self.z = x, y, z


class Location(Vector3D):
    pass


class Rotation:
    def __init__(self, pitch=0.0, yaw=0.0, roll=0.0):
        self.pitch, self.yaw, self.roll = pitch, yaw, roll


class Transform:
    def __init__(self, location=None, rotation=None):
        self.location, self.rotation = location or Location(), rotation or Rotation()

    def get_forward_vector(self):
        yaw = math.radians(self.rotation.yaw)
        return Vector3D(math.cos(yaw), math.sin(yaw), 0)

    def get_up_vector(self):
        return Vector3D(0, 0, 1)


def unreal(x, y, z, heading):
    return Transform(Location(x, -y, z), Rotation(yaw=-math.degrees(heading)))


class Actor:
    def __init__(self, number, type_id, what=None, base_type=None):
        self.id, self.type_id, self.what = number, type_id, what
        self.attributes = {"base_type": base_type} if base_type else {}
        self.destroyed = self.stopped = False
        if what:
            l, w, h = what["size"]
            extent, middle = Vector3D(l / 2, w / 2, h / 2), Location(0.1, 0.05, h / 2 - 0.2)
            self.bounding_box = types.SimpleNamespace(extent=extent, location=middle)

    def get_transform(self):
        """Of the actor's origin, which is not the middle of its box."""
        if not self.what:
            return unreal(*ego.world(ORIGIN_AHEAD, 0), scene.GROUND_Z + ORIGIN_UP, ego.heading)
        x, y = ego.world(*self.what["at"])
        heading, box = ego.heading + self.what["yaw"], self.bounding_box.location
        c, s = math.cos(heading), math.sin(heading)
        x, y = x - c * box.x - s * box.y, y - s * box.x + c * box.y  # box.y is to the right
        return unreal(x, y, scene.GROUND_Z + 0.2, heading)

    def get_velocity(self):
        if not self.what:
            vx, vy = ego.velocity()
        else:
            heading = ego.heading + self.what["yaw"]
            vx, vy = (self.what["speed"] * f(heading) for f in (math.cos, math.sin))
        return Vector3D(vx, -vy, 0)

    def get_angular_velocity(self):
        return Vector3D(0, 0, -math.degrees(scene.YAW_RATE))

    def get_acceleration(self):
        return Vector3D(0.5 * math.cos(ego.heading), -0.5 * math.sin(ego.heading), 0)

    def get_physics_control(self):
        wheels = []
        for along in (2.8, 0.0):
            for left in (0.8, -0.8):
                x, y = ego.world(along, left)
                centre = Vector3D(100 * x, -100 * y, 100 * (scene.GROUND_Z + 0.35))
                wheels.append(types.SimpleNamespace(position=centre, radius=35.0))
        return types.SimpleNamespace(wheels=wheels)

    def set_autopilot(self, on, port):
        assert on and port == 8000

    def listen(self, callback):
        world.callback = callback

    def stop(self):
        self.stopped = True

    def destroy(self):
        assert self.stopped or not self.type_id.startswith("sensor.")
        self.destroyed = True


class Blueprint:
    def __init__(self, type_id):
        self.id, self.attributes = type_id, {}

    def set_attribute(self, name, value):
        assert isinstance(value, str)
        self.attributes[name] = value


class Library:
    def find(self, type_id):
        return Blueprint(type_id)

    def filter(self, pattern):
        assert pattern == "vehicle.*"
        return [Blueprint("vehicle.audi.tt"), Blueprint("vehicle.mini.cooper")]


class Enumerated:
    def __init__(self, name):
        self.name = name

    def __str__(self):
        return self.name


class Waypoint:
    lane_width = scene.LANE_WIDTH
    left_lane_marking = types.SimpleNamespace(type=Enumerated("Solid"), color=Enumerated("Yellow"))
    right_lane_marking = types.SimpleNamespace(type=Enumerated("Broken"), color=Enumerated("White"))

    def __init__(self, angle):
        self.angle = angle
        self.transform = unreal(*scene.lane_point(angle, 0), scene.GROUND_Z, angle)

    def next(self, metres):
        angle = self.angle + metres / scene.LANE_RADIUS
        return [Waypoint(angle)] if angle < ego.heading + 80 / scene.LANE_RADIUS else []

    def previous(self, metres):
        return [Waypoint(self.angle - metres / scene.LANE_RADIUS)]


class Map:
    def get_spawn_points(self):
        return [Transform(), Transform(), Transform()]

    def get_waypoint(self, location):
        x, y = location.x - scene.CENTRE[0], -location.y - scene.CENTRE[1]
        return Waypoint(math.atan2(x, -y))


class Actors(list):
    def filter(self, pattern):
        return [a for a in self if a.type_id.startswith(pattern.rstrip("*"))]


class World:
    def __init__(self):
        self.settings = types.SimpleNamespace(synchronous_mode=False, fixed_delta_seconds=None)
        self.frame, self.callback, self.spawned = 100, None, []

    def get_settings(self):
        return types.SimpleNamespace(**vars(self.settings))

    def apply_settings(self, settings):
        self.settings = settings

    def get_blueprint_library(self):
        return Library()

    def get_map(self):
        return Map()

    def try_spawn_actor(self, blueprint, place):
        """The first is ours. Audis never find room."""
        if TROUBLE == "room":
            return None
        if blueprint.id.startswith("vehicle.audi"):
            return None
        what = scene.CAR if self.spawned else None
        self.spawned.append(Actor(1 + len(self.spawned), blueprint.id, what, "car"))
        return self.spawned[-1]

    def spawn_actor(self, blueprint, place, attach_to):
        assert blueprint.id == "sensor.camera.rgb" and attach_to is self.spawned[0]
        size = [int(blueprint.attributes[f"image_size_{axis}"]) for axis in "xy"]
        scene.close_to("the picture's size", size, (scene.WIDTH, scene.HEIGHT))
        scene.close_to("the field of view", [float(blueprint.attributes["fov"])], [scene.FOV_DEG])
        at = place.location
        where = (at.x + ORIGIN_AHEAD, -at.y, at.z + ORIGIN_UP)
        scene.close_to("the camera's place", where, scene.CAMERA)
        scene.close_to("its nose up", [place.rotation.pitch], [-scene.PITCH_DEG])
        self.spawned.append(Actor(50, blueprint.id))
        return self.spawned[-1]

    def get_actors(self):
        return Actors([*self.spawned, *others])

    def tick(self):
        assert self.settings.synchronous_mode
        self.frame += 1
        ego.t += self.settings.fixed_delta_seconds
        if self.callback and TROUBLE != "picture":
            for frame in (self.frame - 1, self.frame):  # an old one first
                data = memoryview(scene.picture(frame, "BGRA"))
                self.callback(types.SimpleNamespace(frame=frame, timestamp=ego.t, raw_data=data))
        return self.frame


class TrafficManager:
    synchronous = False

    def set_synchronous_mode(self, on):
        self.synchronous = on

    def set_random_device_seed(self, seed):
        assert seed == 1

    def get_port(self):
        return 8000


class Client:
    def __init__(self, host, port):
        assert (host, port) == ("127.0.0.1", 2000)

    def set_timeout(self, seconds):
        assert seconds > 0

    def get_world(self):
        return world

    def load_world(self, name):
        assert name == "Town04"
        return world

    def get_trafficmanager(self):
        return manager


world, manager = World(), TrafficManager()
others = [
    Actor(70, "walker.pedestrian.0001", scene.WALKER),
    Actor(71, "vehicle.ford.mustang", scene.BEHIND),
]


def install():
    module = types.ModuleType("carla")
    for name in ("Client", "Transform", "Location", "Rotation"):
        setattr(module, name, globals()[name])
    sys.modules["carla"] = module


def check_left():
    """Nothing of us stays on the server."""
    assert all(a.destroyed for a in world.spawned), "actors stay behind"
    assert not world.settings.synchronous_mode, "the server waits for a tick for ever"
    assert not manager.synchronous, "the traffic manager waits for a tick for ever"
