/* An 8 bit RGB picture in memory somebody else owns. */
#ifndef OUTRIDER_IMAGE_IMAGE_H
#define OUTRIDER_IMAGE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

enum { IMAGE_MAX_SIDE = 8192, IMAGE_MAX_PIXELS = 4096 * 4096 };

struct image {
    uint8_t *data;     /* (height, width, 3) R G B, rows stride_bytes apart */
    int width, height; /* px */
    int stride_bytes;  /* at least 3 * width */
};

static inline uint8_t *image_at(const struct image *im, int x, int y)
{
    return im->data + (size_t)y * (size_t)im->stride_bytes + 3 * (size_t)x;
}

#endif
