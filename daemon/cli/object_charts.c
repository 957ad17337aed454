#include "daemon/cli/object_charts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/decode.h"
#include "perception/image/draw.h"
#include "sim/file.h"

enum { CELL = 84, MARGIN = 110, PLOT = 500, LEFT = 60, TOP = 40, BOTTOM = 50, RIGHT = 20 };
static const struct color WHITE = {255, 255, 255}, DARK = {60, 60, 60}, BLUE = {70, 130, 200},
                          GREY = {200, 200, 200};

static void fill_box(struct image *im, int x0, int y0, int x1, int y1, struct color c)
{
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            memcpy(image_at(im, x, y), &c, 3);
}

static enum err page_open(struct image *im, int width, int height, struct why *why)
{
    *im = (struct image){malloc(3 * (size_t)width * (size_t)height), width, height, 3 * width};
    if (!im->data)
        return err_say(why, ERR_NOMEM, "no memory for a picture of %d x %d", width, height);
    fill_box(im, 0, 0, width, height, WHITE);
    return OK;
}

static enum err page_write(struct image *im, const char *folder, const char *name, struct why *why)
{
    char path[FILE_MAX_PATH];
    enum err e = path_join(path, folder, name)
                     ? png_write(path, im, why)
                     : err_say(why, ERR_LIMIT, "%.200s: the path is too long", folder);

    free(im->data);
    return e;
}

/* ---- confusion ----------------------------------------------------------------------------- */
static const char *side_name(int i)
{
    return i == CONFUSION_NOTHING   ? "nothing"
           : i == CONFUSION_UNCLEAR ? "unclear"
                                    : object_class_name((enum object_class)i);
}

/* The rows and columns: classes that are scored, and the two ends. */
static int list_sides(const struct object_scores *s, int side[CONFUSION_SIDE])
{
    int n = 0;

    for (int i = 0; i < s->n; i++)
        if (s->score[i].class != OBJECT_VEHICLE)
            side[n++] = (int)s->score[i].class;
    side[n++] = CONFUSION_NOTHING;
    side[n++] = CONFUSION_UNCLEAR;
    return n;
}

static void draw_row(struct image *im, const size_t *count, const int *side, int n, int top)
{
    size_t sum = 0;

    for (int k = 0; k < n; k++)
        sum += count[side[k]];
    for (int k = 0; k < n; k++) {
        const size_t here = count[side[k]];
        const double part = sum ? (double)here / (double)sum : 0;
        const uint8_t shade = (uint8_t)lround(255 - 185 * part);
        const int x = MARGIN + k * CELL;
        char text[32];

        fill_box(im, x + 1, top + 1, x + CELL - 1, top + CELL - 1,
                 (struct color){shade, (uint8_t)(shade / 2 + 128), 255});
        snprintf(text, sizeof text, "%zu", here);
        draw_label(im, (float)x + 8, (float)top + 40, text, WHITE);
        snprintf(text, sizeof text, "%.0f %%", 100 * part);
        if (here)
            draw_label(im, (float)x + 8, (float)top + 60, text, WHITE);
    }
}

static enum err write_confusion(const struct object_scores *s, const char *folder, struct why *why)
{
    int side[CONFUSION_SIDE];
    const int n = list_sides(s, side), rows = n - 1; /* no truth is unclear */
    struct image im;
    enum err e = page_open(&im, MARGIN + n * CELL, TOP + rows * CELL, why);

    if (e != OK)
        return e;
    draw_label(&im, 4, TOP - 8, "truth \\ taken for", WHITE);
    for (int i = 0; i < n; i++)
        draw_label(&im, (float)(MARGIN + i * CELL + 4), TOP - 8, side_name(side[i]), GREY);
    for (int i = 0; i < rows; i++) {
        draw_label(&im, 4, (float)(TOP + i * CELL) + CELL / 2.0f, side_name(side[i]), GREY);
        draw_row(&im, s->confusion.count[side[i]], side, n, TOP + i * CELL);
    }
    return page_write(&im, folder, "confusion.png", why);
}

/* ---- reliability --------------------------------------------------------------------------- */
static void pool_classes(const struct object_scores *s, struct calibration *out)
{
    *out = (struct calibration){0};
    for (int i = 0; i < s->n; i++)
        for (int b = 0; s->score[i].class != OBJECT_VEHICLE && b < CALIBRATION_BINS; b++) {
            out->bin[b].n += s->score[i].calibration.bin[b].n;
            out->bin[b].hits += s->score[i].calibration.bin[b].hits;
            out->bin[b].score += s->score[i].calibration.bin[b].score;
        }
}

static float y_of(double share)
{
    return (float)(TOP + (1 - share) * PLOT);
}

static void draw_axes(struct image *im)
{
    char text[16];

    for (int i = 0; i <= 10; i += 2) {
        const float x = (float)LEFT + (float)(i * PLOT) / 10, y = y_of(i / 10.0);

        draw_line(im, LEFT, y, LEFT + PLOT, y, 1, GREY, 1);
        snprintf(text, sizeof text, "%.1f", i / 10.0);
        draw_label(im, 20, y + 6, text, WHITE);
        draw_label(im, x - 8, TOP + PLOT + 20, text, WHITE);
    }
    draw_label(im, LEFT + PLOT / 2.0f - 20, TOP + PLOT + 40, "score", WHITE);
    draw_label(im, 4, 16, "are right", WHITE);
}

static void draw_bar(struct image *im, const struct calibration *c, int i)
{
    const double n = (double)c->bin[i].n, right = n > 0 ? (double)c->bin[i].hits / n : 0;
    const int x = LEFT + i * PLOT / CALIBRATION_BINS, next = x + PLOT / CALIBRATION_BINS;
    char text[32];

    if (!(n > 0))
        return;
    fill_box(im, x + 3, (int)y_of(right), next - 3, TOP + PLOT, BLUE);
    snprintf(text, sizeof text, "%zu", c->bin[i].n);
    draw_label(im, (float)x + 4, y_of(right) - 2, text, WHITE);
    const float mean = (float)(LEFT + c->bin[i].score / n * PLOT);
    draw_line(im, mean, y_of(right) - 4, mean, y_of(right) + 4, 3, DARK, 1);
}

static enum err write_reliability(const struct object_scores *s, const char *folder,
                                  struct why *why)
{
    struct calibration c;
    struct image im;
    char text[64];
    enum err e = page_open(&im, LEFT + PLOT + RIGHT, TOP + PLOT + BOTTOM, why);

    if (e != OK)
        return e;
    pool_classes(s, &c);
    draw_axes(&im);
    for (int i = 0; i < CALIBRATION_BINS; i++)
        draw_bar(&im, &c, i);
    draw_line(&im, LEFT, y_of(0), LEFT + PLOT, y_of(1), 2, DARK, 1);
    snprintf(text, sizeof text, "ECE %.4f", calibration_error(&c));
    draw_label(&im, LEFT + 90, 16, text, WHITE);
    return page_write(&im, folder, "reliability.png", why);
}

enum err object_charts_write(const struct object_scores *s, const char *folder, struct why *why)
{
    const enum err e = write_confusion(s, folder, why);

    return e == OK ? write_reliability(s, folder, why) : e;
}
