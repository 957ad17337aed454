/* Tracks without pictures: several worlds at once, each seen by one camera as boxes, with what a
 * detector would have made of them. For training and testing what works over time; about 1e5
 * objects a second on one core, against some tens of pictures.
 *
 * Positions are in the vehicle frame of ego at that instant (perception/scene.h), velocities and
 * accelerations over ground along its axes; pixels as in scene.h. One thread; the same options give
 * the same frames. Memory is taken when it opens and when a drive ends and the next one begins. */
#ifndef OUTRIDER_SIM_TRACKS_H
#define OUTRIDER_SIM_TRACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "perception/geometry/camera.h"
#include "perception/scene.h"

enum { TRACKS_MAX_OBJECTS = 96, TRACKS_MAX_WORLDS = 256 };

/* How a detector errs. Misses of one object go together over about half a second, errors of its box over
 * drift_s, as those of real detectors do. */
struct tracks_detector {
    float edge_sigma,
        sigma_px; /* of each edge, new in each frame: share of the box's own width (x) or
                                   height (y), and px besides */
    float edge_drift, drift_px; /* of each edge, slow: the same */
    float drift_s; /* how long a slow error lasts; 0.44 of its variance stays with the object */
    float gross;   /* share of the time in which a box's errors are three times as large */
    float hidden_drift;    /* slow, times what is hidden of it: share as above */
    float height_half_px;  /* boxes of this height are found half of the time */
    float recall;          /* of large ones in plain sight */
    float occlusion_power; /* found with (1 - occlusion) ^ this */
    float false_alarms;    /* mean per frame */
    float least_score;     /* what scores less is not reported */
    float told_sigma,
        told_drift;   /* shares of the distance that it tells: new in each frame, slow; both
                                     0: it tells none */
    bool tells_sigma; /* of its edges */
};
/* perception/models/outrider-int8.onnx at 640 x 384, on 1,500 frames of twelve drives at 10 Hz that it was
 * not trained on, by perception/models/detector_noise.py. */
extern const struct tracks_detector TRACKS_DETECTOR;
extern const struct camera TRACKS_CAMERA; /* behind a windscreen, as large */

struct tracks_options {
    int worlds;
    double dt;            /* s between frames, at most 0.5 */
    double drive_s;       /* each drive's length; 0: 60 */
    uint64_t seed;        /* each drive of each world has its own, drawn from it */
    const char *scenario; /* as scenario_open(); NULL: random */
    struct camera camera;
    struct tracks_detector detector;
};

struct track_object {
    uint64_t id; /* never the same for two objects of all worlds; 0: a false alarm */
    enum object_class class;
    struct box truth; /* clipped to the picture; a false alarm has none (all 0) */
    float occlusion;  /* by boxes nearer, 0..1 */
    float truncation; /* share of the box outside the picture, 0..1 */
    bool detected;
    struct box box; /* only if detected, and so are: */
    float score;
    float sigma_px[4]; /* of x1 y1 x2 y2, as the detector says; NAN: it does not */
    float told_m,
        told_sigma; /* distance from the camera, as it says, and the share that it may be off; 0:
                                 it does not */
    float x_m, y_m, z_m;  /* bottom centre of the near face, as the scene's position */
    float vx_mps, vy_mps; /* over ground */
    float ax_mps2, ay_mps2;
    float yaw_rad;
    float length_m, width_m, height_m;
    float ttc_s; /* until ego's front meets its near face at this closing speed; NAN: not closing */
};

struct tracks_frame {
    int world;
    bool first; /* of a drive: nothing before it belongs to it */
    double t_s; /* of the drive */
    float speed_mps, acceleration_mps2, yaw_rate_rps; /* ego */
    int n_objects;
    struct track_object object[TRACKS_MAX_OBJECTS]; /* nearest middle ahead first, then false
                                                       alarms */
};

struct tracks;

/* ERR_LIMIT (worlds, dt), and what scenario_open(), world_open() and camera_check() refuse. */
MUST_CHECK enum err tracks_open(const struct tracks_options *o, struct tracks **out,
                                struct why *why);
void tracks_close(struct tracks *t); /* NULL is fine */

/* The next frame of the next world, in turns. */
MUST_CHECK enum err tracks_next(struct tracks *t, struct tracks_frame *out, struct why *why);

#endif
