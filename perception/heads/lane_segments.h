/* A lane-line mask -> pieces of lines: rows are cut into runs, runs linked upwards into segments,
 * and the longest that look like pieces of lines are kept. Every list is bounded. */
#ifndef OUTRIDER_HEADS_LANE_SEGMENTS_H
#define OUTRIDER_HEADS_LANE_SEGMENTS_H

#include "perception/base/err.h"

enum { LANE_SEGMENTS_KEPT = 48 };

struct lane_mask {             /* what a network says of each pixel of the picture */
    const float *other, *line; /* (height, width) logits, rows stride apart */
    int width, height, stride;
    float x_scale, y_scale; /* picture px per mask px */
    int picture_width, picture_height;
};

struct lane_run {    /* neighbouring line pixels of one row */
    int row, below;  /* the run it continues, -1: it starts a segment */
    float x, y;      /* picture px: middle, weighted by probability */
    float p;         /* mean probability */
    int left, right; /* mask px, right one is outside */
};

struct lane_segment { /* runs linked upwards */
    int top;          /* its highest run */
    int rows;
    float slope; /* picture px per row upwards, lately */
    float width; /* mask px of its runs, lately */
    /* of those that are kept, picture px: */
    float y_top, y_bottom, x_mean, y_mean, dxdy; /* a straight line through it */
    float length, p;                             /* p: mean probability */
    int line;                                    /* for the user of the segments; -1 at first */
};

struct lane_segments {
    int width, height, stride; /* of the mask */
    int n_run, n_all, n;
    struct lane_run *run;     /* (height * runs a row) from the bottom upwards */
    struct lane_segment *all; /* (the same) */
    struct lane_segment kept[LANE_SEGMENTS_KEPT]; /* longest first */
    float picture_w, picture_h;
    float sx, sy; /* picture px per mask px */
    float unit;   /* 1/640 of the picture's width: lengths that mean the same in any picture */
};

MUST_CHECK enum err lane_segments_init(struct lane_segments *m, int width, int height);
void lane_segments_finish(struct lane_segments *m); /* a zeroed one is fine */

/* The mask is at most as large as lane_segments_init() was told. */
void lane_segments_find(struct lane_segments *m, const struct lane_mask *mask);

#endif
