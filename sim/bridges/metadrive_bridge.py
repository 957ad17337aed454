"""MetaDrive 0.4 -> outriderd. Start outriderd, then
    python3 sim/bridges/metadrive_bridge.py --lockstep

MetaDrive's world is right-handed, in metres and radians; a car's node looks along its y, x to the
right. The camera is put anew for each picture, so that it stays above the road as it was told."""
import math

import outrider_bridge as outrider
from outrider_bridge import Boundary, Pose, Snapshot, Thing, dot
from proto import frame_pb2, lanes_pb2, objects_pb2

OPTIONS = (
    ("--map", "SCSCS", "blocks of the road: S straight, C curve, and what else MetaDrive knows"),
    ("--density", 0.1, "of the traffic"),
    ("--seed", 1, "of the road and the traffic"),
)
INSTALL = "pip install git+https://github.com/metadriverse/metadrive"
PHYSICS_S = 0.02  # about; a whole number of them is the time between two frames
STEP_M, BEHIND_M, AHEAD_M = 2.0, 6.0, 106.0  # how lanes are walked
LINES = {"BROKEN": lanes_pb2.DASHED, "SOLID": lanes_pb2.SOLID, "CONTINUOUS": lanes_pb2.SOLID}
EDGES = ("SIDE", "BOUNDARY")


class MetaDrive:
    def __init__(self, options, camera):
        self.options, self.camera = options, camera
        envs = outrider.need("metadrive.envs.metadrive_env", INSTALL)
        sensors = outrider.need("metadrive.component.sensors.rgb_camera", INSTALL)
        policies = outrider.need("metadrive.policy.idm_policy", INSTALL)
        vehicles = outrider.need("metadrive.component.vehicle.base_vehicle", INSTALL)
        self.vehicle_class = vehicles.BaseVehicle
        repeat = max(1, round(1 / options.rate / PHYSICS_S))
        self.period_s = 1 / options.rate
        self.env = envs.MetaDriveEnv(
            dict(
                use_render=False,
                image_observation=True,
                sensors=dict(rgb_camera=(sensors.RGBCamera, camera.width, camera.height)),
                vehicle_config=dict(image_source="rgb_camera"),
                interface_panel=[],
                agent_policy=policies.IDMPolicy,
                map=options.map,
                traffic_density=options.density,
                start_seed=options.seed,
                num_scenarios=1,
                physics_world_step_size=self.period_s / repeat,
                decision_repeat=repeat,
            )
        )
        self.begin()

    def begin(self):
        self.env.reset()
        self.steps = 0
        self.speed = None
        lens = self.env.engine.get_sensor("rgb_camera").get_lens()
        lens.setAspectRatio(self.camera.width / self.camera.height)
        lens.setFov(math.degrees(self.camera.horizontal_fov_rad))

    def step(self):
        """An episode that ended goes on with the next, at the time 0."""
        _, _, terminated, truncated, _ = self.env.step([0.0, 0.0])  # the policy drives
        if terminated or truncated:
            self.begin()
        self.steps += 1
        ego = self.env.agent
        here = self.pose(ego, -ego.REAR_WHEELBASE)
        speed = dot((*ego.velocity, 0), here.forward)
        before, self.speed = self.speed, speed
        return Snapshot(
            t_ns=round(self.steps * self.period_s * 1e9),
            pixels=self.picture(ego),
            encoding=frame_pb2.BGR8,
            speed_mps=speed,
            yaw_rate_radps=ego.body.getAngularVelocity()[2],
            acceleration_mps2=None if before is None else (speed - before) / self.period_s,
            things=self.things(here),
            boundaries=self.boundaries(ego, here),
        )

    def pose(self, vehicle, along=0.0):
        """On the road, which is flat, so much before its middle."""
        forward = (math.cos(vehicle.heading_theta), math.sin(vehicle.heading_theta), 0.0)
        x, y = vehicle.position
        return Pose((x + along * forward[0], y + along * forward[1], 0.0), forward)

    def picture(self, ego):
        c = self.camera
        picture = self.env.engine.get_sensor("rgb_camera").perceive(
            to_float=False,
            new_parent_node=ego.origin,
            position=(-c.y_m, c.x_m - ego.REAR_WHEELBASE, c.z_m - ego.origin.getZ()),
            hpr=(0, -math.degrees(c.pitch_rad), 0),
        )
        return picture.tobytes()

    def things(self, here):
        vehicles = self.env.engine.get_objects(lambda o: isinstance(o, self.vehicle_class))
        return [self.thing(here, v) for v in vehicles.values() if v is not self.env.agent]

    def thing(self, here, vehicle):
        stands = self.pose(vehicle)
        return Thing(
            key=vehicle.name,
            object_class=objects_pb2.VEHICLE,
            at=here.local(stands.at),
            yaw_rad=here.yaw_of(stands.forward),
            length_m=vehicle.LENGTH,
            width_m=vehicle.WIDTH,
            height_m=vehicle.HEIGHT,
            velocity=here.turned((*vehicle.velocity, 0.0)),
        )

    def lanes_ahead(self, ego):
        """Ours, and the one that it becomes on the next stretch."""
        yield ego.lane
        following = ego.navigation.next_ref_lanes
        number = ego.lane.index[-1]
        if following and number < len(following) and following[number] is not ego.lane:
            yield following[number]

    def boundaries(self, ego, here):
        """A lane's line_types are of the sides of lateral < 0 and > 0; which of them is on the left
        has changed between versions, so we look where they are."""
        sides = ([], [])
        s = ego.lane.local_coordinates(ego.position)[0] - BEHIND_M
        left_m = BEHIND_M + AHEAD_M
        for lane in self.lanes_ahead(ego):
            while s <= lane.length and left_m > 0:
                for points, sign in zip(sides, (-1, 1)):
                    x, y = lane.position(max(s, 0), sign * lane.width_at(max(s, 0)) / 2)
                    points.append(here.local((x, y, 0.0)))
                s, left_m = s + STEP_M, left_m - STEP_M
            s -= lane.length
        swapped = sides[0][0][1] < sides[1][0][1]  # less left than the other
        roles = (-1, 1) if swapped else (1, -1)
        marks = zip(roles, sides, ego.lane.line_types, ego.lane.line_colors)
        return [self.boundary(*m) for m in marks]

    def boundary(self, role, points, kind, color):
        kind = str(kind).upper()  # "broken", or "ROAD_LINE_BROKEN_SINGLE_WHITE"
        yellow = color[2] < 0.5  # red, green, blue
        return Boundary(
            role,
            points,
            lanes_pb2.ROAD_EDGE if any(e in kind for e in EDGES) else lanes_pb2.LINE,
            next((v for k, v in LINES.items() if k in kind), lanes_pb2.LANE_TYPE_UNKNOWN),
            lanes_pb2.YELLOW if yellow else lanes_pb2.WHITE,
        )

    def close(self):
        self.env.close()


if __name__ == "__main__":
    outrider.main(MetaDrive, __doc__, OPTIONS)
