"""CARLA 0.9.13 to 0.9.16 -> outriderd. Start the CARLA server, outriderd, then
    python3 sim/bridges/carla_bridge.py --lockstep

CARLA's frames are left-handed: x forward, y right, z up, angles in degrees, yaw to the right > 0,
nose up > 0. Mirroring y of places and directions makes them right-handed."""
import math
import queue

import outrider_bridge as outrider
from outrider_bridge import Boundary, Pose, Snapshot, Thing, Trouble, dot
from proto import frame_pb2, lanes_pb2, objects_pb2

OPTIONS = (
    ("--host", "127.0.0.1", "of the CARLA server"),
    ("--port", 2000, "of the CARLA server"),
    ("--map", "", "to load, such as Town04; none: the one that is there"),
    ("--ego", "vehicle.tesla.model3", "blueprint of the car that carries the camera"),
    ("--spawn", 0, "which of the map's spawn points is ours"),
    ("--traffic", 30, "other cars"),
    ("--seed", 1, "of the traffic"),
)
STEP_M, BEHIND_M, AHEAD_M = 2.0, 6.0, 106.0  # how lanes are walked
CLASSES = {
    "car": objects_pb2.CAR,
    "van": objects_pb2.CAR,
    "truck": objects_pb2.TRUCK,
    "bus": objects_pb2.BUS,
    "motorcycle": objects_pb2.MOTORCYCLE,
    "bicycle": objects_pb2.CYCLIST,
}
LINES = {
    "Solid": lanes_pb2.SOLID,
    "Broken": lanes_pb2.DASHED,
    "SolidSolid": lanes_pb2.DOUBLE,
    "SolidBroken": lanes_pb2.DOUBLE,
    "BrokenSolid": lanes_pb2.DOUBLE,
    "BrokenBroken": lanes_pb2.DOUBLE,
    "BottsDots": lanes_pb2.BOTTS_DOTS,
    "Curb": lanes_pb2.KERB,
}
EDGES = ("Curb", "Grass", "NONE")  # no paint there
COLORS = {"White": lanes_pb2.WHITE, "Standard": lanes_pb2.WHITE, "Yellow": lanes_pb2.YELLOW}


def mirrored(v):
    return (v.x, -v.y, v.z)


def pose_of(transform):
    return Pose(
        mirrored(transform.location),
        mirrored(transform.get_forward_vector()),
        mirrored(transform.get_up_vector()),
    )


def name_of(enumerated):
    return str(enumerated).rsplit(".", 1)[-1]


class Carla:
    def __init__(self, options, camera):
        self.carla = outrider.need("carla", "pip install carla, of the server's version")
        self.options, self.actors, self.pictures = options, [], queue.Queue()
        self.client = self.carla.Client(options.host, options.port)
        self.client.set_timeout(options.wait)
        self.world = self.client.load_world(options.map) if options.map else self.client.get_world()
        self.before = self.world.get_settings()
        self.synchronise()
        try:
            self.ego = self.spawn_ego()
            self.spawn_traffic()
            self.world.tick()  # wheels have places from now on
            self.axle = self.rear_axle()
            self.spawn_camera(camera)
        except BaseException:
            self.close()
            raise

    def synchronise(self):
        """The world moves when step() says so, by the same time each."""
        self.traffic = self.client.get_trafficmanager()
        settings = self.world.get_settings()
        settings.synchronous_mode = True
        settings.fixed_delta_seconds = 1 / self.options.rate
        self.world.apply_settings(settings)
        self.traffic.set_synchronous_mode(True)
        self.traffic.set_random_device_seed(self.options.seed)

    def spawn(self, blueprint, place, drives):
        actor = self.world.try_spawn_actor(blueprint, place)
        if actor:
            self.actors.append(actor)
            actor.set_autopilot(drives, self.traffic.get_port())
        return actor

    def spawn_ego(self):
        blueprint = self.world.get_blueprint_library().find(self.options.ego)
        blueprint.set_attribute("role_name", "hero")
        places = self.world.get_map().get_spawn_points()
        ego = self.spawn(blueprint, places[self.options.spawn % len(places)], True)
        if not ego:
            raise Trouble(f"no room at spawn point {self.options.spawn}: try another --spawn")
        return ego

    def spawn_traffic(self):
        cars = self.world.get_blueprint_library().filter("vehicle.*")
        places = self.world.get_map().get_spawn_points()
        for i in range(self.options.traffic):
            place = places[(self.options.spawn + 1 + i) % len(places)]
            self.spawn(cars[(self.options.seed + 7 * i) % len(cars)], place, True)

    def rear_axle(self):
        """Its centre on the ground, along our car's axes (its wheels are in centimetres)."""
        wheels = self.ego.get_physics_control().wheels[2:4]
        ground = [(w.position.x, -w.position.y, w.position.z - w.radius) for w in wheels]
        centre = tuple(sum(c) / len(ground) / 100 for c in zip(*ground))
        return pose_of(self.ego.get_transform()).local(centre)

    def spawn_camera(self, camera):
        blueprint = self.world.get_blueprint_library().find("sensor.camera.rgb")
        blueprint.set_attribute("image_size_x", str(camera.width))
        blueprint.set_attribute("image_size_y", str(camera.height))
        blueprint.set_attribute("fov", str(math.degrees(camera.horizontal_fov_rad)))
        x, y, z = (a + b for a, b in zip(self.axle, (camera.x_m, camera.y_m, camera.z_m)))
        place = self.carla.Transform(
            self.carla.Location(x=x, y=-y, z=z),
            self.carla.Rotation(pitch=-math.degrees(camera.pitch_rad)),
        )
        self.sensor = self.world.spawn_actor(blueprint, place, attach_to=self.ego)
        self.actors.append(self.sensor)
        self.sensor.listen(self.pictures.put)

    def step(self):
        frame = self.world.tick()
        picture = self.picture(frame)
        body = pose_of(self.ego.get_transform())
        here = Pose(body.world(self.axle), body.forward, body.up)
        return Snapshot(
            t_ns=round(picture.timestamp * 1e9),
            pixels=bytes(picture.raw_data),
            encoding=frame_pb2.BGRA8,
            speed_mps=dot(mirrored(self.ego.get_velocity()), here.forward),
            yaw_rate_radps=-math.radians(self.ego.get_angular_velocity().z),
            acceleration_mps2=dot(mirrored(self.ego.get_acceleration()), here.forward),
            things=self.things(here),
            boundaries=self.boundaries(here),
        )

    def picture(self, frame):
        """That of this step: older ones may still lie in the queue."""
        while True:
            try:
                picture = self.pictures.get(timeout=self.options.wait)
            except queue.Empty:
                raise Trouble(f"CARLA's camera gave no picture of frame {frame}") from None
            if picture.frame >= frame:
                return picture

    def things(self, here):
        actors = self.world.get_actors()
        near = [*actors.filter("vehicle.*"), *actors.filter("walker.pedestrian.*")]
        return [self.thing(here, a) for a in near if a.id != self.ego.id]

    def thing(self, here, actor):
        body, box = pose_of(actor.get_transform()), actor.bounding_box
        bottom = (box.location.x, -box.location.y, box.location.z - box.extent.z)
        kind = actor.attributes.get("base_type", "car")  # since 0.9.14
        walks = actor.type_id.startswith("walker.")
        return Thing(
            key=actor.id,
            object_class=objects_pb2.PERSON if walks else CLASSES.get(kind, objects_pb2.VEHICLE),
            at=here.local(body.world(bottom)),
            yaw_rad=here.yaw_of(body.forward),
            length_m=2 * box.extent.x,
            width_m=2 * box.extent.y,
            height_m=2 * box.extent.z,
            velocity=here.turned(mirrored(actor.get_velocity())),
        )

    def boundaries(self, here):
        """Our lane's lines, along the waypoints of the map; at forks the first way."""
        lane = self.world.get_map().get_waypoint(self.ego.get_transform().location)
        behind = lane.previous(BEHIND_M)
        point = behind[0] if behind else lane
        left, right = [], []
        for _ in range(round((BEHIND_M + AHEAD_M) / STEP_M)):
            way, half = pose_of(point.transform), point.lane_width / 2
            left.append(here.local(way.world((0, half, 0))))
            right.append(here.local(way.world((0, -half, 0))))
            ahead = point.next(STEP_M)
            if not ahead:
                break
            point = ahead[0]
        return [
            self.boundary(1, left, lane.left_lane_marking),
            self.boundary(-1, right, lane.right_lane_marking),
        ]

    def boundary(self, role, points, marking):
        kind = name_of(marking.type)
        return Boundary(
            role,
            points,
            lanes_pb2.ROAD_EDGE if kind in EDGES else lanes_pb2.LINE,
            LINES.get(kind, lanes_pb2.LANE_TYPE_UNKNOWN),
            COLORS.get(name_of(marking.color), lanes_pb2.OTHER_COLOR),
        )

    def close(self):
        """Leave the server as it was, whatever of this it still does."""
        for actor in reversed(self.actors):
            if actor.type_id.startswith("sensor."):
                actor.stop()
            actor.destroy()
        self.traffic.set_synchronous_mode(False)
        self.world.apply_settings(self.before)


if __name__ == "__main__":
    outrider.main(Carla, __doc__, OPTIONS)
