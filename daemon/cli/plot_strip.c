/* Who is next in our way, over time: distance, and speed relative to us; the truth as a line, what is published
 * with a band of one sigma. */
#include <math.h>
#include <stdio.h>

#include "daemon/cli/plot_panel.h"

enum value { DISTANCE, SPEED };

struct chart {
    struct image im; /* the area within the axes */
    float dot;
    double from_s, to_s, low, high;
};

static float px_at(const struct chart *c, double t_s)
{
    return (float)((t_s - c->from_s) / fmax(c->to_s - c->from_s, 1e-3)) * (float)c->im.width;
}

static float py_at(const struct chart *c, double v)
{
    return (float)((c->high - v) / (c->high - c->low)) * (float)c->im.height;
}

/* ---- values -------------------------------------------------------------------------------- */

static const struct plot_truth *lead_truth(const struct plot_frame *f)
{
    for (int i = 0; i < f->n_truths; i++)
        if (f->truth[i].lead)
            return &f->truth[i];
    return NULL;
}

static const struct plot_track *lead_track(const struct plot_frame *f)
{
    for (int i = 0; i < f->n_tracks; i++)
        if (f->track[i].lead)
            return &f->track[i];
    return NULL;
}

static double truth_value(const struct plot_truth *t, enum value w)
{
    return w == DISTANCE ? t->x_m : t->vx_mps;
}

static double track_value(const struct plot_track *t, enum value w)
{
    return w == DISTANCE ? t->x_m : t->vx_mps;
}

static double track_sigma(const struct plot_track *t, enum value w)
{
    return w == DISTANCE ? sqrt(fmax((double)t->covariance[0], 0)) : t->sigma_vx_mps;
}

/* From the smallest to the largest value, whole steps. False: there is nobody. */
static bool find_range(struct chart *c, const struct plot_data *d, const struct plot_view *v,
                       enum value w, double step)
{
    double low = INFINITY, high = -INFINITY;

    for (size_t i = 0; i < d->n; i++) {
        const struct plot_truth *t = lead_truth(&d->frame[i]);
        const struct plot_track *p = lead_track(&d->frame[i]);

        if (t && plot_shows(v, &d->frame[i])) {
            low = fmin(low, truth_value(t, w));
            high = fmax(high, truth_value(t, w));
        }
        if (p && plot_shows(v, &d->frame[i])) {
            low = fmin(low, track_value(p, w));
            high = fmax(high, track_value(p, w));
        }
    }
    c->low = isfinite(low) ? step * floor(low / step - 0.1) : 0;
    c->high = isfinite(low) ? step * ceil(high / step + 0.1) : 4 * step;
    if (w == DISTANCE)
        c->low = fmax(c->low, 0);
    return isfinite(low);
}

/* ---- drawing ------------------------------------------------------------------------------- */

static void draw_band(struct chart *c, const struct plot_track *a, const struct plot_track *b,
                      double t0, double t1, enum value w)
{
    const float x0 = px_at(c, t0), x1 = px_at(c, t1);

    for (float x = floorf(x0); x < floorf(x1); x++) {
        const double u = fmin(fmax((double)((x + 0.5f - x0) / (x1 - x0)), 0), 1);
        const double v = track_value(a, w) + u * (track_value(b, w) - track_value(a, w));
        const double s = track_sigma(a, w) + u * (track_sigma(b, w) - track_sigma(a, w));

        draw_line(&c->im, x + 0.5f, py_at(c, v - s), x + 0.5f, py_at(c, v + s), 1,
                  plot_color(b->id), 0.25f);
    }
}

/* pass 0: bands, 1: the truth, 2: what is published. */
static void draw_between(struct chart *c, const struct plot_frame *f, const struct plot_frame *g,
                         enum value w, int pass)
{
    const struct plot_truth *t = lead_truth(f), *u = lead_truth(g);
    const struct plot_track *p = lead_track(f), *q = lead_track(g);
    const float x0 = px_at(c, f->t_s), x1 = px_at(c, g->t_s);

    if (pass == 1 && t && u && t->id == u->id)
        draw_line(&c->im, x0, py_at(c, truth_value(t, w)), x1, py_at(c, truth_value(u, w)),
                  2.2f * c->dot, PLOT_TRUTH, 1);
    if (pass == 2 && q) /* also where it is it for one frame only */
        draw_line(&c->im, x1, py_at(c, track_value(q, w)), x1, py_at(c, track_value(q, w)),
                  1.4f * c->dot, plot_color(q->id), 1);
    if (!p || !q || p->id != q->id)
        return;
    if (pass == 0)
        draw_band(c, p, q, f->t_s, g->t_s, w);
    if (pass == 2)
        draw_line(&c->im, x0, py_at(c, track_value(p, w)), x1, py_at(c, track_value(q, w)),
                  1.4f * c->dot, plot_color(q->id), 1);
}

static double step_of(double span, double most)
{
    static const double steps[] = {1, 2, 5, 10, 20, 50, 100};
    size_t i = 0;

    while (i + 1 < sizeof steps / sizeof *steps && span / steps[i] > most)
        i++;
    return steps[i];
}

static void draw_axes(struct image *im, const struct chart *c, int left, int top)
{
    const double up = step_of(c->high - c->low, 5), along = step_of(c->to_s - c->from_s, 10);
    const float u = c->dot;
    struct image area = c->im;
    char text[24];

    for (double v = up * ceil(c->low / up); v <= c->high + 1e-9; v += up) {
        const float y = py_at(c, v);

        draw_line(&area, 0, y, (float)area.width, y, 0.6f * u, PLOT_GRID, 1);
        snprintf(text, sizeof text, "%.0f", v + 0.0);
        draw_text(im, (float)left - draw_text_width(text, u) - 2 * u, (float)top + y + 3 * u, text,
                  u, PLOT_INK);
    }
    for (double t = along * ceil(c->from_s / along); t <= c->to_s + 1e-9; t += along) {
        const float x = px_at(c, t);

        draw_line(&area, x, 0, x, (float)area.height, 0.6f * u, PLOT_GRID, 1);
        snprintf(text, sizeof text, t > c->from_s ? "%.0f" : "%.0f s", t);
        draw_text(im, (float)left + x - draw_text_width(text, u) / 2,
                  (float)(top + area.height) + 9 * u, text, u, PLOT_INK);
    }
}

static void draw_chart(struct image *im, const struct plot_data *d, const struct plot_view *v,
                       enum value w, float u)
{
    const int left = (int)(26 * u), top = (int)(14 * u);
    const int width = im->width - left - (int)(8 * u), height = im->height - top - (int)(14 * u);
    struct chart c = {.im = plot_part(im, left, top, width, height),
                      .dot = u,
                      .from_s = v->from_s,
                      .to_s = v->to_s};
    const bool any = find_range(&c, d, v, w, w == DISTANCE ? 5 : 2);

    draw_axes(im, &c, left, top);
    for (int pass = 0; pass < 3; pass++)
        for (size_t i = 1; i < d->n; i++)
            if (plot_shows(v, &d->frame[i - 1]) && plot_shows(v, &d->frame[i]))
                draw_between(&c, &d->frame[i - 1], &d->frame[i], w, pass);
    draw_text(im, (float)left, (float)top - 4 * u,
              w == DISTANCE ? "next in our way: distance, m" : "its speed relative to us, m/s", u,
              PLOT_INK);
    if (!any)
        draw_text(im, (float)left + 10 * u, (float)top + (float)height / 2, "nobody", u,
                  PLOT_TRUTH);
}

void plot_strip_draw(struct image *im, const struct plot_data *d, const struct plot_view *v,
                     float dot_px)
{
    struct image left = plot_part(im, 0, 0, im->width / 2, im->height);
    struct image right = plot_part(im, im->width / 2, 0, im->width - im->width / 2, im->height);

    draw_chart(&left, d, v, DISTANCE, dot_px);
    draw_chart(&right, d, v, SPEED, dot_px);
}
