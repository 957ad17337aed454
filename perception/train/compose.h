/* Pictures for training: where a sample lies in the network's input, how it is turned, lit and
 * spoilt, and its labels moved with it. */
#ifndef OUTRIDER_TRAIN_COMPOSE_H
#define OUTRIDER_TRAIN_COMPOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "perception/image/image.h"
#include "perception/scene.h"

enum {
    LABELS_MAX_OBJECTS = 192,
    LABELS_MAX_BOUNDARIES = 8,
    LABELS_MAX_POINTS = 64,
    LABELS_ROAD_UNKNOWN = 255
};

struct label_object {
    struct box box;   /* px */
    unsigned classes; /* bits of enum object_class that it may be */
    bool ignore;      /* neither right nor wrong */
    float weight;     /* 0..1: how sure the label is */
    float
        distance_m; /* as heads/outrider.h has it: for OWN_FOCAL once it is composed; NAN unknown */
};

struct label_boundary {
    int role; /* of scene.h, never 0 */
    enum lane_kind kind;
    int type, color; /* enums of scene.h, 0 unknown */
    int n;
    float point[LABELS_MAX_POINTS][2]; /* px, rows falling or rising, at least 2 */
};

struct labels {       /* of one picture, in its pixels */
    unsigned classes; /* bits of those that the labels say anything about */
    int n_objects;
    struct label_object object[LABELS_MAX_OBJECTS];
    unsigned
        boundaries; /* bits 1 << index into OWN_ROLE of those that the labels say anything about */
    int n_boundaries;
    struct label_boundary boundary[LABELS_MAX_BOUNDARIES];
    float boundary_y[2]; /* px: in rows above and below the labels say nothing */
    /* Drivable area at (road_height, road_width), covering the picture: 0, 1 or LABELS_ROAD_UNKNOWN;
     * NULL: not labelled. Composed: (H / 8, W / 8), the cells' centres. */
    const uint8_t *road;
    int road_width, road_height;
};

struct sample { /* borrowed until it is composed */
    struct image rgb;
    float focal_px; /* of the camera; 0: not known, its distances count nothing */
    struct labels labels;
    bool mirrors; /* may be mirrored */
    bool forward; /* seen from a vehicle's front: turned and moved little, lanes make sense */
};

struct compose {
    int width, height; /* of the network's input */
    float strength;    /* of everything random, 0: the whole picture as it is, 1: as for training */
};

/* Working memory of one thread: (width, height, 3) bytes and more. */
struct canvas_memory;
struct canvas_memory *canvas_open(int width, int height); /* NULL: no memory */
void canvas_close(struct canvas_memory *m);

/* One picture, or four for a mosaic (n 1 or 4), placed by `seed` into input (height, width, 3) normalised as
 * heads/outrider.h says, and labels; out->road points into road (height / 8, width / 8), the caller's. */
void compose(const struct compose *c, struct canvas_memory *m, const struct sample *const *sample,
             int n, uint64_t seed, float *input, uint8_t *road, struct labels *out);

#endif
