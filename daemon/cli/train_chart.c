#include "daemon/cli/train_chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/decode.h"
#include "perception/image/draw.h"
#include "sim/file.h"

enum { WIDTH = 1200, HEIGHT = 640, LEFT = 70, RIGHT = 150, TOP = 20, BOTTOM = 40 };
enum { POINTS = 400, MAX_SERIES = 40, MAX_BYTES = 1 << 30, GRADIENT = 2, RATE = 3 /* columns */ };

struct series {
    char name[32];
    double sum[POINTS];
    int n[POINTS];
};

struct chart {
    struct series series[MAX_SERIES]; /* by column; gradient and rate are not drawn */
    int n;
    double steps; /* of the whole file */
    double low, high;
    struct image image;
};

static bool is_drawn(int column)
{
    return column > 0 && column != GRADIENT && column != RATE;
}

static void take_names(struct chart *c, char *line)
{
    char *name;

    for (c->n = 0; c->n < MAX_SERIES && (name = strsep(&line, ",")); c->n++)
        snprintf(c->series[c->n].name, sizeof c->series[c->n].name, "%s", name);
}

static void take_line(struct chart *c, const char *line)
{
    char *end;
    const double step = strtod(line, &end);
    const int at = (int)fmin(step / fmax(c->steps, 1) * POINTS, POINTS - 1);

    for (int i = 1; i < c->n && *end == ',' && at >= 0; i++) {
        const double v = strtod(end + 1, &end);

        if (isfinite(v)) {
            c->series[i].sum[at] += v;
            c->series[i].n[at]++;
        }
    }
}

static enum err read_csv(struct chart *c, char *text, const char *path, struct why *why)
{
    char *line = strsep(&text, "\n"), *last = NULL;

    if (!line || strncmp(line, "step,loss,", 10) != 0)
        return err_say(why, ERR_FORMAT, "%s:1: no curve: must begin with step,loss", path);
    take_names(c, line);
    if (!text)
        return OK;
    for (char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        last = p;
    c->steps = last ? strtod(last, NULL) + 1 : 0;
    while ((line = strsep(&text, "\n")))
        take_line(c, line);
    return OK;
}

/* ---- drawing ------------------------------------------------------------------------------- */

static double value(const struct series *s, int i)
{
    return s->n[i] ? s->sum[i] / s->n[i] : NAN;
}

static float x_of(int i)
{
    return LEFT + (float)i * (WIDTH - LEFT - RIGHT) / (POINTS - 1);
}

static float y_of(const struct chart *c, double v)
{
    const double share = log(v / c->low) / log(c->high / c->low);

    return (float)(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM));
}

static void find_range(struct chart *c)
{
    c->low = INFINITY;
    c->high = 0;
    for (int k = 1; k < c->n; k++)
        for (int i = 0; i < POINTS && is_drawn(k); i++) {
            const double v = value(&c->series[k], i);

            if (v > 0) {
                c->low = fmin(c->low, v);
                c->high = fmax(c->high, v);
            }
        }
    c->low = fmax(c->low, c->high * 1e-4);
    if (!(c->high > c->low)) {
        c->low = c->high > 0 ? c->high / 2 : 0.5;
        c->high = 2 * c->low;
    }
}

static void draw_grid(struct chart *c)
{
    const struct color grey = {200, 200, 200}, dark = {90, 90, 90};
    char text[32];

    for (double v = pow(10, floor(log10(c->low))); v <= c->high; v *= 10)
        for (int k = 1; k < 10; k++) {
            if (v * k < c->low || v * k > c->high)
                continue;
            draw_line(&c->image, LEFT, y_of(c, v * k), WIDTH - RIGHT, y_of(c, v * k), 1, grey,
                      k == 1 ? 1 : 0.4f);
            snprintf(text, sizeof text, "%g", v * k);
            if (k == 1 || k == 2 || k == 5)
                draw_label(&c->image, 4, y_of(c, v * k) + 6, text, dark);
        }
    for (int i = 0; i <= 4; i++) {
        snprintf(text, sizeof text, "%.0f", c->steps * i / 4);
        draw_label(&c->image, x_of((POINTS - 1) * i / 4) - 10, HEIGHT - 8, text, dark);
    }
}

static void draw_series(struct chart *c, int k)
{
    static const struct color colors[] = {{200, 40, 40},  {40, 110, 200}, {40, 150, 60},
                                          {210, 130, 20}, {130, 60, 170}, {30, 150, 150},
                                          {120, 80, 40},  {200, 60, 140}};
    const struct color color = k == 1 ? (struct color){0, 0, 0} : colors[k % 8];
    int before = -1;

    for (int i = 0; i < POINTS; i++) {
        const double v = value(&c->series[k], i);

        if (!(v >= c->low))
            continue;
        if (before >= 0)
            draw_line(&c->image, x_of(before), y_of(c, value(&c->series[k], before)), x_of(i),
                      y_of(c, v), k == 1 ? 3 : 1.5f, color, 1);
        before = i;
    }
    if (before >= 0)
        draw_label(&c->image, WIDTH - RIGHT + 6, y_of(c, value(&c->series[k], before)) + 6,
                   c->series[k].name, color);
}

static enum err draw(struct chart *c, const char *png, struct why *why)
{
    c->image = (struct image){malloc(3 * WIDTH * HEIGHT), WIDTH, HEIGHT, 3 * WIDTH};
    if (!c->image.data)
        return err_say(why, ERR_NOMEM, "no memory for %s", png);
    memset(c->image.data, 255, 3 * WIDTH * HEIGHT);
    find_range(c);
    draw_grid(c);
    for (int k = c->n - 1; k > 0; k--)
        if (is_drawn(k))
            draw_series(c, k);
    enum err e = png_write(png, &c->image, why);
    free(c->image.data);
    return e;
}

enum err train_chart(const char *csv, const char *png, struct why *why)
{
    struct file text = {0};
    struct chart *c = calloc(1, sizeof *c);
    enum err e;

    if (!c)
        return err_say(why, ERR_NOMEM, "%s: no memory", csv);
    if ((e = file_read(&text, csv, MAX_BYTES, why)) == OK)
        e = read_csv(c, text.text, csv, why);
    if (e == OK)
        e = draw(c, png, why);
    file_finish(&text);
    free(c);
    return e;
}
