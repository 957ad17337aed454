/* One thing that we follow: its box in the picture, its place in metres, and how sure we are that
 * it exists. Plain data; tracker.c decides which detection belongs to which track. */
#ifndef OUTRIDER_TRACK_TRACK_H
#define OUTRIDER_TRACK_TRACK_H

#include "perception/geometry/camera.h"
#include "perception/heads/head.h"
#include "perception/scene.h"
#include "perception/track/kalman.h"
#include "perception/track/trend.h"

struct extent { /* a width or height, m; starts from what is usual for the class */
    float m, sigma;
};

struct track {
    uint64_t id; /* 0: the slot is free */
    int64_t born_ns, seen_ns;
    uint32_t hits;
    uint32_t misses; /* in a row */
    bool confirmed;
    float log_odds; /* of being a real thing */
    float score;    /* of the detection in this frame; NAN without one */
    float covered;  /* share of the box behind nearer boxes */
    float evidence[OBJECT_CLASS_COUNT];
    enum object_class class; /* of the most evidence */

    struct kalman_axis edge[4]; /* x1 y1 x2 y2 of the whole thing, px, also outside the picture */
    float surprise_px[4];       /* of this frame: the detection less what was predicted; 0: none */
    float surprise_sigmas[4];
    unsigned cut; /* sides of the picture that the detection ends at, SIDE_... */

    bool has_metres;
    struct kalman_plane metres; /* vehicle frame, relative to us */
    float z_m;
    float lasting_ground, lasting_size, lasting_y_m, lever_y_m; /* see locate.h */
    bool measured_width, measured_height;
    struct extent width, height;
    double located_m[2];      /* what this frame's detection alone says; NAN: nothing */
    float told_m, told_sigma; /* the detector's own word on the distance, as struct told; 0: none */
    /* Of what detections alone say, over one second and over three: logarithms of height and width where
     * neither side is cut, place. */
    struct trend log_height[2], log_width[2], place[2][2];

    /* (ANSWERS) of its network, borrowed; NULL: the filter alone. See answers.h. */
    const float *answer;
};

void track_start(struct track *t, uint64_t id, const struct detection *d, float covered,
                 const struct camera *camera, int64_t t_ns);

/* Ahead by dt seconds (not negative); afterwards the track counts as not detected. */
void track_predict(struct track *t, float dt);

/* This detection is it. camera: as for tracker_step(). covered: of the detection's box. */
void track_update(struct track *t, const struct detection *d, float covered,
                  const struct camera *camera, int64_t t_ns);

/* No detection is it, dt seconds after the last frame. */
void track_miss(struct track *t, float dt);

/* Confirm it by what its network answered. */
void track_judge(struct track *t);

/* late: let go late (for training). */
bool track_dead(const struct track *t, int64_t now_ns, bool late);
float track_existence(const struct track *t);                             /* 0..1 */
struct box track_box(const struct track *t, const struct camera *camera); /* in the picture */
enum object_class track_class(const struct track *t);                     /* the likeliest */

/* A detection as the filters of the edges take it. */
struct box_reading {
    float edge[4], variance[4]; /* px, px^2 */
    unsigned cut;               /* SIDE_... of locate.h: where the thing may go on */
};
struct box_reading box_read(const struct detection *d, const struct camera *camera);

/* Whether edge i of a reading says nothing: the picture ends there, and the track goes on beyond.
 */
bool track_edge_hidden(const struct track *t, const struct box_reading *r, int i);

/* Everything but in_path, lane and is_lead. */
void track_object(const struct track *t, const struct camera *camera, int64_t now_ns,
                  struct object *o);

#endif
