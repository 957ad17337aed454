/* Our own network for the trainer: its layers, its losses, and the tensors that say what is right. Its
 * outputs are those of heads/outrider.h.
 *
 * Backbone: 3x3 convolutions with batch norm and ReLU, cross-stage partial blocks (Wang et al. 2020) and
 * spatial pyramid pooling (He et al. 2015); a path down and up again between strides 8, 16, 32 (Liu et al. 2018,
 * PANet). Objects are learned without anchors, each assigned to the cells that predict it best
 * (task-aligned assignment, Feng et al. 2021). */
#ifndef OUTRIDER_TRAIN_OWN_NETWORK_H
#define OUTRIDER_TRAIN_OWN_NETWORK_H

#include "perception/heads/outrider.h"
#include "perception/train/compose.h"
#include "perception/train/train.h"

struct own_level { /* one stride; values of train.h, all (N, H/S, W/S, channels) */
    int stride, height, width;
    int output;                    /* OWN_OBJECT */
    int score, score_weight;       /* OWN_CLASSES each: target, what counts */
    int box, box_weight;           /* 4; 1 */
    int distance, distance_weight; /* 1; 1 */
};

struct own_network {
    int batch, height, width;
    int image; /* (N, H, W, 3), as heads/outrider.h wants it */
    struct own_level level[OWN_LEVELS];
    int lanes;                 /* output OWN_LANE */
    int line, line_weight;     /* OWN_BOUNDARIES */
    int line_x, line_x_weight; /* OWN_BOUNDARIES */
    int type, color;           /* (N, H/8, W/8): class, -1 unknown */
    int road, road_target, road_weight;
    struct train *train;
    const struct labels *labels; /* of this step; NULL: none */
};

/* Builds it in t, which is new; *n stays where it is as long as t. height and width: multiples of 32. Mistakes are told by train_plan(). */
void own_network_build(struct train *t, int batch, int height, int width, struct own_network *n);
/* After train_plan(): where the last layers begin (scores low, boxes of 4 cells, 30 m). */
void own_network_start(struct train *t);

/* What is right in the pictures of the batch: labels[i] of picture i, borrowed until after the step. Lanes and
 * road are written at once, objects are assigned in the step, when it is known what the network makes of the
 * pictures. */
void own_targets(struct train *t, struct own_network *n, const struct labels *labels);

#endif
