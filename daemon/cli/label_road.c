#include "daemon/cli/label_road.h"

#include <math.h>
#include <string.h>

static const double SURE_SHARE = 0.8;  /* of the pixels that are rather road than not */
static const double ROAD_SHARE = 0.06; /* of the picture, at least */
static const double OTHER_HUE = 0.02;  /* difference in r / (r + g + b), where the road is even */
static const double DEVIATIONS = 3;    /* or this many standard deviations, where it is not */
static const int PAINT_SHARE = 12;     /* 1 / of the width: another hue no wider may be paint */
enum { GREY = 32 };                    /* added to each colour: dark pixels have no hue */

static uint8_t probability(const struct road_mask *m, const struct image *rgb, int x, int y)
{
    return m->probability[y * m->height / rgb->height * m->width + x * m->width / rgb->width];
}

struct hue { /* shares of red and green */
    double v[2];
};

static struct hue hue_of(const uint8_t *p)
{
    const double sum = p[0] + p[1] + p[2] + 3 * GREY;

    return (struct hue){{(p[0] + GREY) / sum, (p[1] + GREY) / sum}};
}

struct look { /* of the road in one picture */
    size_t likely, sure;
    int top; /* the highest row with likely road */
    struct hue mean, limit;
};

static struct look road_look(const struct road_mask *m, const struct image *rgb, double high)
{
    struct look l = {.top = -1};
    double sum[2] = {0}, squares[2] = {0};

    for (int y = 0; y < rgb->height; y++)
        for (int x = 0; x < rgb->width; x++) {
            const uint8_t p = probability(m, rgb, x, y);
            const struct hue h = hue_of(image_at(rgb, x, y));

            if (p < 128)
                continue;
            l.likely++;
            l.top = l.top < 0 ? y : l.top;
            if (p < 255 * high)
                continue;
            l.sure++;
            for (int k = 0; k < 2; k++) {
                sum[k] += h.v[k];
                squares[k] += h.v[k] * h.v[k];
            }
        }
    for (int k = 0; k < 2 && l.sure; k++) {
        l.mean.v[k] = sum[k] / (double)l.sure;
        l.limit.v[k] = fmax(
            OTHER_HUE,
            DEVIATIONS * sqrt(fmax(squares[k] / (double)l.sure - l.mean.v[k] * l.mean.v[k], 0)));
    }
    return l;
}

static bool other_hue(const struct look *l, const uint8_t *pixel)
{
    const struct hue h = hue_of(pixel);

    return fabs(h.v[0] - l->mean.v[0]) > l->limit.v[0] ||
           fabs(h.v[1] - l->mean.v[1]) > l->limit.v[1];
}

/* Narrow pieces of a row that are not road become unknown. */
static void drop_paint(uint8_t *row, int width)
{
    for (int x = 0, end; x < width; x = end + 1) {
        for (end = x; end < width && row[end] == LABEL_ROAD_NOT; end++)
            ;
        if (end - x <= width / PAINT_SHARE)
            memset(row + x, LABEL_ROAD_UNKNOWN, (size_t)(end - x));
    }
}

bool label_road(const struct road_mask *m, const struct image *rgb, double low, double high,
                uint8_t *out)
{
    const size_t size = (size_t)rgb->width * (size_t)rgb->height;
    const struct look l = road_look(m, rgb, high);

    memset(out, LABEL_ROAD_UNKNOWN, size);
    if ((double)l.sure < SURE_SHARE * (double)l.likely ||
        (double)l.sure < ROAD_SHARE * (double)size)
        return false;
    for (int y = 0; y < rgb->height; y++) {
        uint8_t *row = &out[(size_t)y * (size_t)rgb->width];

        for (int x = 0; x < rgb->width; x++) {
            const uint8_t p = probability(m, rgb, x, y);

            if (p >= 255 * high)
                row[x] = LABEL_ROAD;
            else if (p <= 255 * low && (y < l.top || other_hue(&l, image_at(rgb, x, y))))
                row[x] = LABEL_ROAD_NOT;
        }
        if (y >= l.top)
            drop_paint(row, rgb->width);
    }
    return true;
}
