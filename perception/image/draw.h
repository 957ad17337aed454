/* Results drawn into a picture, for people to look at. Any coordinates may come, also NaN: what
 * lies outside is cut off. */
#ifndef OUTRIDER_IMAGE_DRAW_H
#define OUTRIDER_IMAGE_DRAW_H

#include "perception/heads/head.h"
#include "perception/image/image.h"
#include "perception/scene.h"

struct color {
    uint8_t r, g, b;
};

/* Blend: alpha 0..1. Coordinates as in scene.h: (0, 0) is the corner of the first pixel. */
void draw_line(struct image *im, float x1, float y1, float x2, float y2, float width_px,
               struct color c, float alpha);
void draw_box(struct image *im, const struct box *b, float width_px, struct color c);
/* Dark letters on a bar of the colour, its lower left corner at (x, y); moved inside the picture.
 */
void draw_label(struct image *im, float x, float y, const char *text, struct color c);

/* Letters alone, of smooth strokes: their baseline begins at (x, y), a dot of the font is dot_px wide. Cut off
 * outside. draw_text_width: px. */
void draw_text(struct image *im, float x, float y, const char *text, float dot_px, struct color c);
float draw_text_width(const char *text, float dot_px);
/* Where a normal distribution about (x, y) has less than so many sigmas: filled if width_px is 0,
 * else its outline. covariance: xx xy yy, px^2; what is less than half a pixel is drawn as that. */
void draw_ellipse(struct image *im, float x, float y, const float covariance[3], float sigmas,
                  float width_px, struct color c, float alpha);

/* A mask (height, width) of 0..255 over the whole picture. */
void draw_tint(struct image *im, const uint8_t *mask, int width, int height, struct color c);
int draw_scale(
    const struct image *im); /* pixels a dot of letters takes in a picture of this size */

/* Boxes with class and score, curves by role, road as a tint. */
void draw_perceived(struct image *im, const struct perceived *p);
/* The same with identity and distance; what is only predicted is drawn thin. Lines at the
 * bottom tell qualifiers and reasons when something is not as it should be. */
void draw_scene(struct image *im, const struct scene *s);

#endif
