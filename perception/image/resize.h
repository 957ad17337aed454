/* A picture -> the input of a network: bilinear with half-pixel centres, edge clamped, no
 * anti-aliasing, rounded to 8 bit as the training pictures were (OpenCV's INTER_LINEAR to within
 * one step), then order, scale, mean and deviation, written as planes of float32. One pass. */
#ifndef OUTRIDER_IMAGE_RESIZE_H
#define OUTRIDER_IMAGE_RESIZE_H

#include <stdbool.h>

#include "perception/base/arena.h"
#include "perception/image/image.h"

/* How a network wants its picture. Channels c are in the network's order:
 * value = (byte * scale - mean[c]) / deviation[c]. */
struct input_spec {
    /* The shape of the pictures that the network was trained with; 0: that of its input. */
    int aspect_width, aspect_height;
    /* How far a picture's shape may differ from it, as a factor, and still cover the whole input.
     * Beyond it nothing is distorted more than the training pictures were: the picture lies at the
     * top left and the rest is filled. 1: always so (letterbox); 0: never. */
    float stretch_max;
    uint8_t fill;                /* byte beside the picture */
    bool bgr;                    /* channel 0 is blue */
    float scale;                 /* 1 or 1/255 */
    float mean[3], deviation[3]; /* deviation 0 counts as 1 */
};

/* Where a picture lies in the network's input. (0, 0) is the top left corner of the top left pixel
 * on both sides, so a length and a place scale alike. */
struct fit {
    int picture_width, picture_height; /* px */
    int input_width, input_height;     /* px of the network's input */
    int width, height;                 /* the part of the input that the picture covers */
    float x_scale, y_scale;            /* picture px per input px */
};

struct fit fit_picture(const struct input_spec *spec, int picture_width, int picture_height,
                       int input_width, int input_height);

/* Working memory for one size of network input and pictures of any size. */
struct resize {
    struct input_spec spec;
    int input_width, input_height;
    struct fit fit;    /* of the last picture */
    float lut[3][256]; /* byte -> value, channels in the network's order */
    int *left, *right; /* (input_width) first byte of the two pixels that give column x */
    float *weight;     /* (input_width) share of the right one */
    float *row;        /* (3 * IMAGE_MAX_SIDE) one picture row, between two source rows */
};

/* Takes its memory from a; call once on a measuring arena, once on a real one. */
void resize_place(struct resize *r, const struct input_spec *spec, int input_width,
                  int input_height, struct arena *a);

/* out (3, input_height, input_width). Pictures of 1..IMAGE_MAX_SIDE px a side; r->fit tells where
 * the picture went. Never allocates. */
void resize_run(struct resize *r, const struct image *rgb, float *out);

#endif
