/* Decoders: a network's raw outputs -> detections, lane curves and road in pixels of the picture.
 *
 * A head knows one family of models: how its input is made from a picture and how its outputs are
 * read. One file a family; heads.c holds the table. Opened once per network; nothing allocates
 * afterwards. One thread at a time. */
#ifndef OUTRIDER_HEADS_HEAD_H
#define OUTRIDER_HEADS_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "perception/base/pool.h"
#include "perception/image/image.h"
#include "perception/nn/net.h"
#include "perception/scene.h"

enum {
    HEAD_MAX_DETECTIONS = 256,
    HEAD_MAX_CURVES = SCENE_MAX_LANES,
    HEAD_MAX_CURVE_POINTS = SCENE_MAX_LANE_PIXELS,
};

struct detection {
    struct box box_px; /* clipped to the picture */
    float sigma_px[4]; /* of x1 y1 x2 y2 */
    float score;       /* 0..1 */
    enum object_class class;
    enum object_class other; /* what other_score of the score speaks for (track/join.h) */
    float other_score;       /* 0: nothing */
    /* How far it is along the ground, for networks that say: metres for each px of the camera's focal length fx
     * in the picture, and the standard deviation of its logarithm; 0: not known. */
    float distance_per_px, distance_sigma;
};

struct lane_curve { /* one boundary in the picture, bottom upwards */
    float score;
    enum lane_kind kind;
    int role;            /* by position in the picture, as scene.h; 0 where the head cannot say */
    enum lane_type type; /* 0: not known; type_share, color_share: how sure that is, 0..1 */
    enum lane_color color;
    float type_share, color_share;
    int n;
    struct {
        float x, y, sigma_x; /* px */
        float seen; /* share of the rows around here that show the marking itself, 0..1: 0 in the
                       gap of a dashed line and where the curve is only continued */
    } point[HEAD_MAX_CURVE_POINTS];
};

struct road_mask {     /* drivable area at the network's resolution, covering the whole picture */
    int width, height; /* 0: this head gives none */
    const uint8_t *probability; /* (height, width) 0..255; owned by the head until the next run */
};

struct perceived { /* what one network saw in one picture */
    int n_detections;
    struct detection detection[HEAD_MAX_DETECTIONS]; /* by score, best first */
    int n_curves;
    struct lane_curve curve[HEAD_MAX_CURVES];
    struct road_mask road;
};

enum head_gives { HEAD_OBJECTS = 1, HEAD_LANES = 2, HEAD_ROAD = 4 };

struct head_config {
    const char *model; /* path of an ONNX file */
    const char *
        decoder; /* "outrider", "ssd", "yolox", "fastestdet", "lstr", "lane-masks"; NULL: the model's
                            metadata key "outrider.decoder", else recognised by its outputs */
    float score_min;   /* NAN: the decoder's own default */
    float nms_iou;     /* NAN: the decoder's own default */
    bool weak_too;     /* a tracker follows: unless score_min says otherwise, objects down to a
                            score of 0.1, which keep a track alive but start none */
    unsigned cpu_mask; /* CPU_... bits the kernels may use; ~0u: what the machine has */
    struct pool *pool; /* borrowed; NULL: inline */
};

struct head; /* network, decoder and working memory */

MUST_CHECK enum err head_open(const struct head_config *cfg, struct head **out, struct why *why);
void head_close(struct head *h);           /* NULL is fine */
unsigned head_gives(const struct head *h); /* HEAD_... bits */
const char *head_decoder(const struct head *h);
const struct net *head_net(const struct head *h);

/* Writes the network's inputs as head_run() would, without running it: for who wants to run another
 * network on the same inputs (head_input(), in the order of the graph). */
void head_fill(struct head *h, const struct image *rgb);
int head_inputs(const struct head *h);
const struct tensor *head_input(const struct head *h, int i);

/* One picture of any size up to IMAGE_MAX_PIXELS. out is the caller's, overwritten; its road mask
 * points into the head. No allocation. Fails only if the network does (ERR_MISMATCH). */
MUST_CHECK enum err head_run(struct head *h, const struct image *rgb, struct perceived *out,
                             struct why *why);

#endif
