"""The one scene that all fake simulators show, each in its own convention: the same truth has to
come out of all of them. Everything turns with our car around a centre, so it stays the same in the
vehicle frame. World: right-handed, z up."""
import math

SPEED, YAW_RATE = 12.0, 0.1  # ours; a turn to the left of 120 m
RADIUS = SPEED / YAW_RATE
OFFSET, LANE_WIDTH = 0.3, 3.5  # we are that much left of the lane's centre
LANE_RADIUS = RADIUS + OFFSET
START_HEADING = math.radians(30)
CENTRE = (50.0, -20.0)
GROUND_Z = 5.0

# In our vehicle frame: centre of the footprint, heading, size, speed along the heading.
CAR = dict(at=(25.0, 3.0), yaw=0.2, size=(4.5, 1.8, 1.5), speed=15.0)
WALKER = dict(at=(12.0, -4.0), yaw=math.pi / 2, size=(0.5, 0.6, 1.75), speed=1.5)
BEHIND = dict(at=(-9.0, 0.0), yaw=0.0, size=(4.5, 1.8, 1.5), speed=12.0)

# What the tests ask for on the command line: camera in the vehicle frame.
WIDTH, HEIGHT, FOV_DEG, PITCH_DEG = 320, 180, 60.0, 2.0
CAMERA = (1.6, 0.5, 1.4)


class Ego:
    """At a time: rear axle on the ground, and heading."""

    def __init__(self):
        self.t = 0.0

    @property
    def heading(self):
        return START_HEADING + YAW_RATE * self.t

    @property
    def axle(self):
        h = self.heading
        return (CENTRE[0] + RADIUS * math.sin(h), CENTRE[1] - RADIUS * math.cos(h))

    def world(self, x, y):
        """A point of the vehicle frame."""
        c, s = math.cos(self.heading), math.sin(self.heading)
        return (self.axle[0] + c * x - s * y, self.axle[1] + s * x + c * y)

    def velocity(self):
        return (SPEED * math.cos(self.heading), SPEED * math.sin(self.heading))


def lane_point(angle, left):
    """On the lane's circle where its heading is angle, so much left of its centre."""
    r = LANE_RADIUS - left
    return (CENTRE[0] + r * math.sin(angle), CENTRE[1] - r * math.cos(angle))


def close_to(what, a, b, tolerance=1e-6):
    if max(abs(p - q) for p, q in zip(a, b)) > tolerance or len(a) != len(b):
        raise AssertionError(f"{what} is {a}, not {b}")


def picture(number, order):
    """The first pixel is pure red; the others change with the number."""
    pixel = {"R": 255, "G": 0, "B": 0, "A": 255}
    rest = bytes((number * 7 + i) % 251 for i in range(len(order)))
    return bytes(pixel[c] for c in order) + rest * (WIDTH * HEIGHT - 1)
