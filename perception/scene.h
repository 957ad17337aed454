/* The result of perception: what the road holds at one instant. Plain data, no pointers, bounded.
 *
 * Frame of reference: vehicle frame of ISO 8855 / REP-103: x forward, y left, z up, origin on the
 * ground under the centre of the rear axle. SI units, radians, nanoseconds. Pixels are those of the
 * camera's picture, x right and y down, (0, 0) the top left corner of the top left pixel.
 *
 * A float that is not known is NAN (and absent on the wire), never 0. Angles are in (-pi, pi]. */
#ifndef OUTRIDER_SCENE_H
#define OUTRIDER_SCENE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    SCENE_MAX_OBJECTS = 64,
    SCENE_MAX_LANES = 8,
    SCENE_STATIONS = 33,        /* points of a lane boundary on the published grid */
    SCENE_MAX_LANE_PIXELS = 64, /* points of its polyline in the picture */
    SCENE_MAX_CANDIDATES = 3,   /* classes, marking types, colours: best first */
    SCENE_PATH_POINTS = 6,      /* predicted path: every 0.5 s up to 3 s */
    SCENE_ROAD_WIDTH = 80,      /* coarse road mask, covers the whole picture */
    SCENE_ROAD_HEIGHT = 48,
};

/* x of the published stations, metres: denser near. Defined in perception/scene.c. */
extern const float SCENE_STATION_M[SCENE_STATIONS];

/* The first is what a reader gets who was told nothing. */
enum qualifier {
    QUALIFIER_NOT_AVAILABLE = 0,
    QUALIFIER_AVAILABLE = 1,
    QUALIFIER_AVAILABLE_REDUCED = 2,
    QUALIFIER_BLIND = 3, /* frames come, but nothing can be seen in them */
};

/* Bit numbers: reasons |= 1u << REASON_DARK. */
enum reason {
    REASON_NO_FRAMES = 1, /* none arrives, or none that can be decoded */
    REASON_FROZEN = 2,    /* the same picture again and again */
    REASON_DUPLICATE = 3, /* a frame that was sent before */
    REASON_DARK = 4,
    REASON_GLARE = 5,
    REASON_BLUR = 6,
    REASON_BLOCKED = 7,      /* something covers the lens */
    REASON_UNCALIBRATED = 8, /* no calibration: pixels only, no metres */
    REASON_OVERLOAD = 9,     /* we are slower than the camera */
    REASON_CLOCK_JUMP = 10,
    REASON_WARMUP = 11, /* first frames after a start or a reset */
    REASON_MODEL_FAULT = 12,
    REASON_CONFIG = 13,      /* the frame does not fit the configuration (size, encoding) */
    REASON_UNDECODABLE = 14, /* frames come, but their bytes do not decode */
    REASON_COUNT
};

/* 0 to 8 are the label classes of our data sets, in their order. */
enum object_class {
    OBJECT_CAR = 0,
    OBJECT_TRUCK = 1,
    OBJECT_BUS = 2,
    OBJECT_PERSON = 3,
    OBJECT_CYCLIST = 4, /* bicycle and rider together */
    OBJECT_MOTORCYCLE = 5,
    OBJECT_TRAFFIC_LIGHT = 6,
    OBJECT_TRAFFIC_SIGN = 7,
    OBJECT_SIGN_OR_LIGHT = 8, /* not told apart */
    OBJECT_BICYCLE = 9,       /* without a rider that we know of */
    OBJECT_VEHICLE = 10,      /* car, truck or bus, not told apart */
    OBJECT_CLASS_COUNT
};
const char *object_class_name(enum object_class c); /* "car", "traffic_light", ... */

enum measurement { MEASUREMENT_NONE = 0, MEASUREMENT_MEASURED = 1, MEASUREMENT_PREDICTED = 2 };

struct box { /* px, corners: x1 < x2, y1 < y2 */
    float x1, y1, x2, y2;
};

enum reference_point { REFERENCE_NEAR_FACE = 1 }; /* bottom centre of the face towards us */
enum velocity_reference { VELOCITY_RELATIVE_TO_EGO = 1, VELOCITY_OVER_GROUND = 2 };
enum dimension_source { DIMENSION_PRIOR = 1, DIMENSION_MEASURED = 2 };
enum ttc_method { TTC_POSITION = 1, TTC_SCALE = 2 }; /* from metres; from the growth of the box */

enum { STATE_DIM = 6, STATE_COV = STATE_DIM * (STATE_DIM + 1) / 2 }; /* x y vx vy ax ay */

struct path_point { /* in the vehicle frame of that time, if we go on as we do */
    float t_s;      /* after state_time */
    float x_m, y_m, sigma_x_m, sigma_y_m;
};

struct object {
    uint64_t id;           /* never 0, never used again in a run */
    float existence;       /* probability that the track is a real thing */
    float detection_score; /* of this frame; NAN while predicted */
    int64_t age_ns;        /* since the first detection */
    uint32_t hits;         /* frames in which it was detected */
    enum measurement measurement;
    int n_classes;
    struct {
        enum object_class class;
        float probability;
    } classes[SCENE_MAX_CANDIDATES];
    float occlusion;  /* hidden share, 0..1 */
    float truncation; /* share outside the picture, 0..1 */

    struct box box_px;
    float box_sigma_px[4]; /* of x1 y1 x2 y2 */

    enum reference_point reference;
    float x_m, y_m, z_m; /* of the reference point; NAN without calibration */
    float vx_mps, vy_mps, ax_mps2, ay_mps2;
    float covariance[STATE_COV]; /* upper triangle by rows over (x y vx vy ax ay) */
    enum velocity_reference velocity_reference;
    /* Over ground along our axes, where our own motion is known; otherwise NAN. */
    float ground_vx_mps, ground_vy_mps, ground_vx_sigma_mps, ground_vy_sigma_mps;
    float yaw_rad, yaw_sigma_rad; /* heading of the object in the vehicle frame */
    float length_m, width_m, height_m;
    float length_sigma_m, width_sigma_m, height_sigma_m;
    enum dimension_source dimension_source;

    float ttc_s, ttc_sigma_s; /* NAN: not closing, or not known */
    enum ttc_method ttc_method;
    float in_path; /* probability that it is in the corridor we will drive */
    bool has_lane;
    int lane; /* 0 our lane, +1 the next to the left, -1 to the right */
    bool is_lead;
    int n_path;
    struct path_point path[SCENE_PATH_POINTS];
    uint64_t ground_truth_id; /* simulator only; 0 = absent */
};

enum lane_kind { LANE_LINE = 1, LANE_ROAD_EDGE = 2 };
enum lane_type {
    LANE_TYPE_SOLID = 1,
    LANE_TYPE_DASHED = 2,
    LANE_TYPE_DOUBLE = 3,
    LANE_TYPE_BOTTS_DOTS = 4,
    LANE_TYPE_KERB = 5,
    LANE_TYPE_BARRIER = 6
};
enum lane_color { LANE_COLOR_WHITE = 1, LANE_COLOR_YELLOW = 2, LANE_COLOR_OTHER = 3 };

struct lane_station { /* at x = SCENE_STATION_M[i] */
    float y_m, z_m, sigma_y_m;
    float visible; /* probability that the marking is really seen here */
};

struct lane_boundary {
    uint64_t id; /* never 0 */
    int role;    /* +1 ego left, -1 ego right, +2 and -2 the next ones out; 0 unused */
    enum lane_kind kind;
    float existence;
    int64_t age_ns;
    enum measurement measurement;
    int n_types, n_colors;
    struct {
        enum lane_type type;
        float probability;
    } types[SCENE_MAX_CANDIDATES];
    struct {
        enum lane_color color;
        float probability;
    } colors[SCENE_MAX_CANDIDATES];

    bool has_metres; /* false without calibration: the next five are not filled */
    struct lane_station station[SCENE_STATIONS];
    float cubic[4];             /* y = c0 + c1 x + c2 x^2 + c3 x^3 */
    float cubic_covariance[10]; /* upper triangle by rows, 4x4 */
    float x_min_m, x_max_m;     /* measured range; the cubic says nothing beyond */

    int n_pixels;
    struct {
        float x, y, sigma_x;
    } pixel[SCENE_MAX_LANE_PIXELS]; /* from the bottom of the picture upwards */
};

struct ego_lane {                             /* each NAN when not known */
    float offset_m, offset_sigma_m;           /* lateral: our origin, left of the lane centre > 0 */
    float heading_rad, heading_sigma_rad;     /* ours relative to the lane, left > 0 */
    float curvature_1pm, curvature_sigma_1pm; /* of the lane centre, left > 0 */
    float width_m, width_sigma_m;
    float time_to_departure_s, time_to_departure_sigma_s;
};

struct road {          /* drivable area, coarse; width 0: this pipeline does not look for it */
    int width, height; /* 0 or SCENE_ROAD_WIDTH x SCENE_ROAD_HEIGHT */
    uint8_t probability[SCENE_ROAD_HEIGHT * SCENE_ROAD_WIDTH]; /* 0..255, rows top down */
};

struct coverage { /* how far and how wide it looked; NAN when not known */
    float far_m;
    float left_rad, right_rad; /* horizontal field of view, left > 0 > right */
};

enum ego_source { EGO_UNKNOWN = 0, EGO_TOLD = 1, EGO_SEEN = 2 }; /* by messages; in the pictures */

struct ego_motion { /* of the vehicle, at the frame's time; NAN when not known */
    float speed_mps, yaw_rate_radps;
    float speed_sigma_mps, yaw_rate_sigma_radps;
    enum ego_source source;
};

static inline struct ego_motion ego_unknown(void)
{
    return (struct ego_motion){NAN, NAN, NAN, NAN, EGO_UNKNOWN};
}

struct scene {
    int64_t state_time_ns; /* the instant that the numbers describe, on the frame's clock */
    enum qualifier qualifier_objects, qualifier_lanes;
    uint32_t reasons_objects, reasons_lanes; /* bits 1u << REASON_... */
    struct coverage coverage;
    struct ego_motion ego;
    int n_objects;
    struct object object[SCENE_MAX_OBJECTS]; /* nearest first; unknown distance last */
    int n_lanes;
    struct lane_boundary lane[SCENE_MAX_LANES]; /* left to right */
    struct ego_lane ego_lane;
    struct road road;
};

/* Empty lists, every float of the fixed part NAN, NOT_AVAILABLE. */
void scene_clear(struct scene *s);
void object_clear(struct object *o); /* every float NAN, everything else 0 */
void lane_boundary_clear(struct lane_boundary *l);

#endif
