#include "daemon/cli/plot_panel.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const struct color PLOT_INK = {40, 44, 52}, PLOT_GRID = {226, 229, 233},
                   PLOT_TRUTH = {120, 124, 130}, PLOT_PAPER = {255, 255, 255},
                   PLOT_ALARM = {214, 32, 38};
static const struct color GROUND = {247, 248, 250}, LINES = {150, 176, 206}, CAR = {40, 44, 52};
static const double PATH_EVERY_S = 3, GAP_S = 0.35, REAR_M = 6, SHORTEST_S = 0.4;

/* Of dots, all of them. */
enum { LEFT = 26, RIGHT = 8, TITLE = 22, AXIS = 14, STRIP = 118, FOOT = 4 };
enum { MAX_LABELS = 128 };

struct plan { /* being drawn */
    struct image im;
    const struct plot_data *d;
    const struct plot_view *v;
    struct plot_plan at;
    float dot;
    int n_labels;
    struct box label[MAX_LABELS];
};

struct image plot_part(const struct image *im, int left, int top, int width, int height)
{
    return (struct image){image_at(im, left, top), width, height, im->stride_bytes};
}

struct color plot_color(uint64_t id)
{
    static const struct color of[] = {{31, 119, 180}, {235, 110, 0},  {36, 145, 54}, {140, 86, 190},
                                      {0, 160, 175},  {200, 60, 150}, {140, 86, 75}, {150, 145, 0}};

    return of[id % (sizeof of / sizeof *of)];
}

float plot_dot(int width)
{
    return (float)width / 640;
}

bool plot_shows(const struct plot_view *v, const struct plot_frame *f)
{
    return f->t_s >= v->from_s - 1e-9 && f->t_s <= v->to_s + 1e-9;
}

/* ---- where things lie ---------------------------------------------------------------------- */

struct plot_plan plot_panel_plan(const struct plot_view *v, int width)
{
    const float dot = plot_dot(width);
    const int left = (int)(LEFT * dot), inner = width - left - (int)(RIGHT * dot);
    const float scale = (float)(inner / (v->range_m + REAR_M));
    const int height = (int)(2 * v->side_m * (double)scale);

    return (struct plot_plan){.left = left,
                              .top = (int)(TITLE * dot),
                              .width = inner,
                              .height = height,
                              .x0 = (float)left + (float)REAR_M * scale,
                              .y0 = (float)(int)(TITLE * dot) + (float)height / 2,
                              .scale = scale};
}

int plot_panel_height(const struct plot_view *v, int width)
{
    return plot_panel_plan(v, width).height +
           (int)((TITLE + AXIS + STRIP + FOOT) * plot_dot(width));
}

/* In the part of the picture that is the plan. */
static float px_of(const struct plan *p, double x_m)
{
    return p->at.x0 - (float)p->at.left + (float)x_m * p->at.scale;
}

static float py_of(const struct plan *p, double y_m)
{
    return p->at.y0 - (float)p->at.top - (float)y_m * p->at.scale;
}

static void stroke(struct plan *p, double x1, double y1, double x2, double y2, float width,
                   struct color c, float alpha)
{
    draw_line(&p->im, px_of(p, x1), py_of(p, y1), px_of(p, x2), py_of(p, y2), width * p->dot, c,
              alpha);
}

/* ---- ground -------------------------------------------------------------------------------- */

static void draw_ground(struct plan *p)
{
    for (int y = 0; y < p->im.height; y++)
        for (int x = 0; x < p->im.width; x++)
            memcpy(image_at(&p->im, x, y), &GROUND, 3);
    for (int x = 0; x <= p->v->range_m; x += 10)
        stroke(p, x, -p->v->side_m, x, p->v->side_m, 0.6f, PLOT_GRID, 1);
    for (int y = 0; y <= p->v->side_m; y += 5) {
        stroke(p, -REAR_M, y, p->v->range_m, y, 0.6f, PLOT_GRID, 1);
        stroke(p, -REAR_M, -y, p->v->range_m, -y, 0.6f, PLOT_GRID, 1);
    }
}

static void draw_boundary(struct plan *p, const struct lane_boundary *b)
{
    const bool dashed = b->kind == LANE_LINE && b->types[0].type == LANE_TYPE_DASHED;

    for (int i = 0; i + 1 < SCENE_STATIONS; i++) {
        const struct lane_station *s = &b->station[i], *t = s + 1;
        const double x = (double)SCENE_STATION_M[i], dx = (double)SCENE_STATION_M[i + 1] - x;

        if (!isfinite(s->y_m) || !isfinite(t->y_m))
            continue;
        for (float px = floorf(px_of(p, x)); px < floorf(px_of(p, x + dx)); px++) {
            const double u = ((double)(px + 0.5f - px_of(p, x)) / (double)p->at.scale) / dx;
            const double y = (double)s->y_m + u * (double)(t->y_m - s->y_m),
                         sigma = (double)s->sigma_y_m + u * (double)(t->sigma_y_m - s->sigma_y_m);

            draw_line(&p->im, px + 0.5f, py_of(p, y - sigma), px + 0.5f, py_of(p, y + sigma), 1,
                      LINES, 0.25f);
            if (!dashed || fmod(x + u * dx + 300, 6) < 3)
                draw_line(&p->im, px + 0.5f, py_of(p, y), px + 0.5f, py_of(p, y),
                          (b->kind == LANE_LINE ? 1.6f : 2.4f) * p->dot, LINES, 1);
        }
    }
}

static void draw_us(struct plan *p)
{
    const double rear = -0.9, front = 3.7, half = 0.9;

    for (double y = -half; y <= half; y += 0.25 / (double)p->at.scale)
        stroke(p, rear, y, front, y, 0.3f, CAR, 1);
    stroke(p, 2.3, -0.65, 2.3, 0.65, 1.6f, GROUND, 1); /* its windscreen */
}

/* ---- truth --------------------------------------------------------------------------------- */

static const struct plot_truth *truth_with(const struct plot_frame *f, uint64_t id)
{
    for (int i = 0; i < f->n_truths; i++)
        if (f->truth[i].id == id)
            return &f->truth[i];
    return NULL;
}

static const struct plot_track *track_with(const struct plot_frame *f, uint64_t id)
{
    for (int i = 0; i < f->n_tracks; i++)
        if (f->track[i].id == id)
            return &f->track[i];
    return NULL;
}

static void draw_truths(struct plan *p)
{
    for (size_t i = 1; i < p->d->n; i++) {
        const struct plot_frame *f = &p->d->frame[i], *g = f - 1;

        for (int k = 0; k < f->n_truths && plot_shows(p->v, g) && plot_shows(p->v, f); k++) {
            const struct plot_truth *t = &f->truth[k], *u = truth_with(g, t->id);

            if (u && f->t_s - g->t_s < GAP_S)
                stroke(p, u->x_m, u->y_m, t->x_m, t->y_m, 2.2f, PLOT_TRUTH,
                       t->counts ? 0.8f : 0.3f);
        }
    }
}

/* ---- tracks -------------------------------------------------------------------------------- */

/* Is an instant due: the first frame in each step of every_s? */
static bool is_due(const struct plot_data *d, size_t i, double every_s)
{
    return i == 0 ||
           floor(d->frame[i].t_s / every_s + 1e-6) > floor(d->frame[i - 1].t_s / every_s + 1e-6);
}

static bool is_inside(const struct plan *p, const struct plot_track *t)
{
    return t->x_m > -REAR_M && t->x_m < p->v->range_m && fabs(t->y_m) < p->v->side_m;
}

static void draw_sigmas(struct plan *p, const struct plot_track *t)
{
    const float k = p->at.scale * p->at.scale, x = px_of(p, t->x_m), y = py_of(p, t->y_m);
    const float strong = t->measured ? 1 : 0.5f;
    const float c[3] = {t->covariance[0] * k, -t->covariance[1] * k, t->covariance[2] * k};
    const struct color ink = plot_color(t->id);

    if (p->v->sigmas > 1)
        draw_ellipse(&p->im, x, y, c, 2, 0.6f * p->dot, ink, 0.3f * strong);
    draw_ellipse(&p->im, x, y, c, 1, 0, ink, 0.08f * strong);
    draw_ellipse(&p->im, x, y, c, 1, 0.9f * p->dot, ink, 0.7f * strong);
}

/* What only was predicted is hollow. */
static void draw_place(struct plan *p, const struct plot_track *t)
{
    const float x = px_of(p, t->x_m), y = py_of(p, t->y_m);

    draw_line(&p->im, x, y, x, y, 5.2f * p->dot, plot_color(t->id), 1);
    if (!t->measured)
        draw_line(&p->im, x, y, x, y, 3 * p->dot, PLOT_PAPER, 1);
}

static void dash(struct plan *p, double x1, double y1, double x2, double y2, struct color c)
{
    const double length = hypot(x2 - x1, y2 - y1) * (double)p->at.scale / (double)p->dot;

    for (double at = 0; at < length; at += 6) {
        const double u = at / length, w = fmin(at + 3, length) / length;

        stroke(p, x1 + u * (x2 - x1), y1 + u * (y2 - y1), x1 + w * (x2 - x1), y1 + w * (y2 - y1), 1,
               c, 0.9f);
    }
}

static void draw_path(struct plan *p, const struct plot_track *t)
{
    const float k = p->at.scale * p->at.scale;
    const struct color ink = plot_color(t->id);
    double x = t->x_m, y = t->y_m;

    for (int i = 0; i < t->n_path; i++) {
        const struct path_point *q = &t->path[i];
        const float c[3] = {q->sigma_x_m * q->sigma_x_m * k, 0, q->sigma_y_m * q->sigma_y_m * k};

        dash(p, x, y, (double)q->x_m, (double)q->y_m, ink);
        x = (double)q->x_m;
        y = (double)q->y_m;
        if (i + 1 == t->n_path)
            draw_ellipse(&p->im, px_of(p, x), py_of(p, y), c, 1, 0.6f * p->dot, ink, 0.5f);
    }
}

static void draw_tracks(struct plan *p)
{
    for (size_t i = 0; i < p->d->n; i++) {
        const struct plot_frame *f = &p->d->frame[i];

        for (int k = 0; k < f->n_tracks && plot_shows(p->v, f); k++)
            if (is_due(p->d, i, p->v->every_s) && is_inside(p, &f->track[k]))
                draw_sigmas(p, &f->track[k]);
    }
    draw_truths(p);
    for (size_t i = 0; i < p->d->n; i++) {
        const struct plot_frame *f = &p->d->frame[i];

        for (int k = 0; k < f->n_tracks && plot_shows(p->v, f); k++) {
            const struct plot_track *t = &f->track[k], *u = i && plot_shows(p->v, f - 1)
                                                                ? track_with(f - 1, t->id)
                                                                : NULL;
            if (u)
                stroke(p, u->x_m, u->y_m, t->x_m, t->y_m, 1, plot_color(t->id), 0.9f);
            if (is_due(p->d, i, p->v->every_s))
                draw_place(p, t);
            if (is_due(p->d, i, PATH_EVERY_S) && f->t_s > p->v->from_s && is_inside(p, t))
                draw_path(p, t);
        }
    }
}

static void draw_cross(struct image *im, float x, float y, float dot)
{
    const float r = 4 * dot;

    draw_line(im, x - r, y - r, x + r, y + r, 3.4f * dot, PLOT_PAPER, 1);
    draw_line(im, x - r, y + r, x + r, y - r, 3.4f * dot, PLOT_PAPER, 1);
    draw_line(im, x - r, y - r, x + r, y + r, 2 * dot, PLOT_ALARM, 1);
    draw_line(im, x - r, y + r, x + r, y - r, 2 * dot, PLOT_ALARM, 1);
}

/* ---- names --------------------------------------------------------------------------------- */

static bool is_free(const struct plan *p, const struct box *b)
{
    if (b->x1 < 0 || b->y1 < 0 || b->x2 > (float)p->im.width || b->y2 > (float)p->im.height)
        return false;
    for (int i = 0; i < p->n_labels; i++) {
        const struct box *o = &p->label[i];

        if (b->x1 < o->x2 && o->x1 < b->x2 && b->y1 < o->y2 && o->y1 < b->y2)
            return false;
    }
    return true;
}

/* Near (x, y) px, where no other one stands; left out where there is no room. */
static void put_name(struct plan *p, float x, float y, const char *text, struct color c)
{
    const float width = draw_text_width(text, p->dot), height = 10 * p->dot;

    for (int i = 0; i < 24 && p->n_labels < MAX_LABELS; i++) {
        const int step = i / 4 + 1; /* farther and farther out */
        const float up = (float)step * 11 * p->dot;
        const float left = i % 2 ? x - width - 6 * p->dot : x + 6 * p->dot;
        const float top = i / 2 % 2 ? y + up - 8 * p->dot : y - up;
        const struct box b = {left - p->dot, top - p->dot, left + width, top + height};
        const float line[2] = {i % 2 ? b.x2 : b.x1, top + height / 2};

        if (!is_free(p, &b))
            continue;
        for (float row = b.y1; row < b.y2; row++)
            draw_line(&p->im, b.x1, row, b.x2, row, 1, GROUND, 0.75f);
        if (i >= 4)
            draw_line(&p->im, x, y, line[0], line[1], 0.7f * p->dot, c, 0.8f);
        draw_text(&p->im, left, top + 8 * p->dot, text, p->dot, c);
        p->label[p->n_labels++] = b;
        return;
    }
}

/* Each where it was seen last within the picture. */
static void name_track(struct plan *p, size_t i, const struct plot_track *t)
{
    const float x = px_of(p, t->x_m), y = py_of(p, t->y_m);
    double first_s = p->d->frame[i].t_s;
    char text[48];

    for (size_t k = i + 1; k < p->d->n && plot_shows(p->v, &p->d->frame[k]); k++) {
        const struct plot_track *later = track_with(&p->d->frame[k], t->id);

        if (later && is_inside(p, later))
            return;
    }
    for (size_t k = 0; k <= i; k++)
        if (track_with(&p->d->frame[k], t->id))
            first_s = fmin(first_s, p->d->frame[k].t_s);
    if (p->d->frame[i].t_s - first_s < SHORTEST_S || !is_inside(p, t))
        return;
    snprintf(text, sizeof text, "%" PRIu64 " %s", t->id,
             t->class < OBJECT_CLASS_COUNT ? object_class_name(t->class) : "");
    put_name(p, x, y, text, plot_color(t->id));
}

static void draw_names(struct plan *p)
{
    for (size_t i = 0; i < p->d->n; i++) {
        const struct plot_frame *f = &p->d->frame[i];

        for (int k = 0; k < f->n_tracks && plot_shows(p->v, f); k++) {
            const struct plot_track *t = &f->track[k];
            const float x = px_of(p, t->x_m), y = py_of(p, t->y_m);
            char text[48];

            if (!t->before || !is_inside(p, t))
                continue;
            snprintf(text, sizeof text, "%" PRIu64 " > %" PRIu64, t->before, t->id);
            draw_cross(&p->im, x, y, p->dot);
            put_name(p, x, y, text, PLOT_ALARM);
        }
    }
    for (size_t i = 0; i < p->d->n; i++)
        for (int k = 0; k < p->d->frame[i].n_tracks && plot_shows(p->v, &p->d->frame[i]); k++)
            name_track(p, i, &p->d->frame[i].track[k]);
}

/* ---- the page ------------------------------------------------------------------------------ */

static void draw_frame(struct image *im, const struct plan *p, const char *name)
{
    const struct plot_plan *a = &p->at;
    const float u = p->dot, foot = (float)(a->top + a->height);
    char text[96];

    snprintf(text, sizeof text, "%s", name);
    for (char *c = text; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    draw_text(im, (float)a->left, (float)a->top - 6 * u, text, 1.5f * u, PLOT_INK);
    snprintf(text, sizeof text, "from above, us at the left; %.0f to %.0f s", p->v->from_s,
             p->v->to_s);
    draw_text(im, (float)(a->left + a->width) - draw_text_width(text, u), (float)a->top - 5 * u,
              text, u, PLOT_TRUTH);
    for (int x = 0; x <= p->v->range_m; x += 10) {
        snprintf(text, sizeof text, x ? "%d" : "%d m", x);
        draw_text(im, a->x0 + (float)x * a->scale - draw_text_width(text, u) / 2, foot + 10 * u,
                  text, u, PLOT_INK);
    }
    for (int y = -5 * (int)(p->v->side_m / 5); y <= p->v->side_m; y += 5) {
        snprintf(text, sizeof text, "%d", y);
        draw_text(im, (float)a->left - draw_text_width(text, u) - 2 * u,
                  a->y0 - (float)y * a->scale + 3 * u, text, u, PLOT_INK);
    }
}

void plot_panel_draw(struct image *im, const struct plot_data *d, const struct plot_view *v)
{
    static struct plan p; /* large */
    const float dot = plot_dot(im->width);

    p = (struct plan){.d = d, .v = v, .at = plot_panel_plan(v, im->width), .dot = dot};
    p.im = plot_part(im, p.at.left, p.at.top, p.at.width, p.at.height);
    draw_ground(&p);
    for (int i = 0; i < d->n_lanes; i++)
        draw_boundary(&p, &d->lane[i]);
    draw_tracks(&p);
    draw_us(&p);
    draw_names(&p);
    draw_frame(im, &p, d->name);

    const int top = p.at.top + p.at.height + (int)(AXIS * dot);
    struct image strip = plot_part(im, 0, top, im->width, (int)(STRIP * dot));
    plot_strip_draw(&strip, d, v, dot);
}

/* ---- legend -------------------------------------------------------------------------------- */

int plot_legend_height(int width)
{
    return (int)(18 * plot_dot(width));
}

static float legend_text(struct image *im, float x, float y, const char *text, float dot)
{
    draw_text(im, x, y + 3 * dot, text, dot, PLOT_INK);
    return x + draw_text_width(text, dot) + 8 * dot;
}

void plot_legend_draw(struct image *im, const struct plot_view *v)
{
    const float u = plot_dot(im->width), y = (float)im->height / 2,
                c[3] = {16 * u * u, 0, 4 * u * u};
    const struct color ink = plot_color(0);
    float x = LEFT * u;
    char text[48];

    draw_line(im, x, y, x + 12 * u, y, 2.2f * u, PLOT_TRUTH, 0.8f);
    x = legend_text(im, x + 16 * u, y, "truth", u);
    if (v->sigmas > 1)
        draw_ellipse(im, x + 8 * u, y, c, 2, 0.6f * u, ink, 0.5f);
    draw_ellipse(im, x + 8 * u, y, c, 1, 0.9f * u, ink, 0.9f);
    draw_line(im, x + 8 * u, y, x + 8 * u, y, 3 * u, ink, 1);
    snprintf(text, sizeof text, "track each %.1f s, %s sigma", v->every_s,
             v->sigmas > 1 ? "1, 2" : "1");
    x = legend_text(im, x + 20 * u, y, text, u);
    draw_line(im, x + 4 * u, y, x + 4 * u, y, 5.2f * u, ink, 1);
    draw_line(im, x + 4 * u, y, x + 4 * u, y, 3 * u, PLOT_PAPER, 1);
    x = legend_text(im, x + 10 * u, y, "predicted", u);
    for (int i = 0; i < 3; i++)
        draw_line(im, x + (float)i * 6 * u, y, x + (float)(i * 6 + 3) * u, y, u, ink, 1);
    x = legend_text(im, x + 20 * u, y, "next 3 s", u);
    draw_cross(im, x + 5 * u, y, 0.8f * u);
    x = legend_text(im, x + 13 * u, y, "new id", u);
    draw_line(im, x, y, x + 12 * u, y, 2 * u, LINES, 1);
    legend_text(im, x + 16 * u, y, "lanes, at the end", u);
}
