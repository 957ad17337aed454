/* What perception saw, as people like to see it: one colour a class and a role. */
#include "perception/image/draw.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct color ROAD = {40, 200, 120}, GREY = {200, 200, 200}, WARN = {255, 200, 0};

static struct color class_color(enum object_class class)
{
    static const struct color colors[OBJECT_CLASS_COUNT] = {
        [OBJECT_CAR] = {64, 190, 255},
        [OBJECT_TRUCK] = {255, 150, 60},
        [OBJECT_BUS] = {255, 110, 110},
        [OBJECT_PERSON] = {255, 220, 60},
        [OBJECT_CYCLIST] = {150, 240, 80},
        [OBJECT_MOTORCYCLE] = {230, 130, 255},
        [OBJECT_TRAFFIC_LIGHT] = {80, 240, 200},
        [OBJECT_TRAFFIC_SIGN] = {250, 170, 200},
        [OBJECT_SIGN_OR_LIGHT] = {160, 220, 220},
        [OBJECT_BICYCLE] = {110, 220, 110},
        [OBJECT_VEHICLE] = {64, 190, 255},
    };

    return (unsigned)class < OBJECT_CLASS_COUNT ? colors[class] : GREY;
}

static struct color role_color(int role)
{
    return role == 1    ? (struct color){70, 230, 90}  /* ego left */
           : role == -1 ? (struct color){255, 80, 80}  /* ego right */
           : role > 0   ? (struct color){60, 160, 255} /* further left */
           : role < 0   ? (struct color){255, 170, 50} /* further right */
                        : GREY;
}

static float stroke(const struct image *im)
{
    return 1.5f * (float)draw_scale(im) + 0.5f;
}

/* Points of a polyline with x and y in front, `size` bytes each. */
static void polyline(struct image *im, const void *points, size_t size, int n, float width_px,
                     struct color c)
{
    float before[2] = {0}, at[2];

    for (int i = 0; i < n; i++) {
        memcpy(at, (const char *)points + (size_t)i * size, sizeof at);
        if (i > 0)
            draw_line(im, before[0], before[1], at[0], at[1], width_px, c, 0.9f);
        memcpy(before, at, sizeof at);
    }
}

void draw_perceived(struct image *im, const struct perceived *p)
{
    char text[64];

    if (p->road.width > 0)
        draw_tint(im, p->road.probability, p->road.width, p->road.height, ROAD);
    for (int i = 0; i < p->n_curves; i++)
        polyline(im, p->curve[i].point, sizeof p->curve[i].point[0], p->curve[i].n,
                 1.5f * stroke(im), role_color(p->curve[i].role));
    for (int i = p->n_detections - 1; i >= 0; i--) /* the best on top, and labels above all boxes */
        draw_box(im, &p->detection[i].box_px, stroke(im), class_color(p->detection[i].class));
    for (int i = p->n_detections - 1; i >= 0; i--) {
        const struct detection *d = &p->detection[i];

        snprintf(text, sizeof text, "%s %.2f", object_class_name(d->class), d->score);
        draw_label(im, d->box_px.x1, d->box_px.y1, text, class_color(d->class));
    }
}

static enum object_class best_class(const struct object *o)
{
    return o->n_classes > 0 ? o->classes[0].class : OBJECT_VEHICLE;
}

static bool is_measured(const struct object *o)
{
    return o->measurement == MEASUREMENT_MEASURED;
}

static void object_box(struct image *im, const struct object *o)
{
    float width_px = is_measured(o) ? (o->is_lead ? 2 : 1) * stroke(im) : 1;

    draw_box(im, &o->box_px, width_px, class_color(best_class(o)));
}

/* "car 12 34m -3m/s": class, identity, distance, and speed along the road as the message has it */
static void object_label(struct image *im, const struct object *o)
{
    char text[96];
    int n = snprintf(text, sizeof text, "%s %" PRIu64, object_class_name(best_class(o)), o->id);

    if (isfinite(o->x_m))
        n += snprintf(text + n, sizeof text - (size_t)n, " %.0fm", o->x_m);
    if (isfinite(o->vx_mps) && isfinite(o->x_m))
        snprintf(text + n, sizeof text - (size_t)n, " %+.0fm/s", o->vx_mps);
    draw_label(im, o->box_px.x1, o->box_px.y1, text,
               is_measured(o) ? class_color(best_class(o)) : GREY);
}

static void qualifier_text(char *text, size_t size, const char *topic, enum qualifier q,
                           uint32_t reasons)
{
    static const char *const names[] = {"not available", "available", "reduced", "blind"};
    static const char *const words[REASON_COUNT] = {
        [REASON_NO_FRAMES] = "no frames",  [REASON_FROZEN] = "frozen",
        [REASON_DUPLICATE] = "duplicate",  [REASON_DARK] = "dark",
        [REASON_GLARE] = "glare",          [REASON_BLUR] = "blur",
        [REASON_BLOCKED] = "blocked",      [REASON_UNCALIBRATED] = "uncalibrated",
        [REASON_OVERLOAD] = "overload",    [REASON_CLOCK_JUMP] = "clock jump",
        [REASON_WARMUP] = "warm-up",       [REASON_MODEL_FAULT] = "model fault",
        [REASON_CONFIG] = "configuration", [REASON_UNDECODABLE] = "undecodable",
    };
    int n = snprintf(text, size, "%s: %s", topic, (unsigned)q < 4 ? names[q] : "?");

    for (int r = 0; r < REASON_COUNT && n > 0 && (size_t)n < size; r++)
        if (reasons >> r & 1 && words[r])
            n += snprintf(text + n, size - (size_t)n, ", %s", words[r]);
}

void draw_scene(struct image *im, const struct scene *s)
{
    const float line = 13 * (float)draw_scale(im);
    char text[120];

    if (s->road.width > 0)
        draw_tint(im, s->road.probability, s->road.width, s->road.height, ROAD);
    for (int i = 0; i < s->n_lanes; i++) {
        const struct lane_boundary *l = &s->lane[i];

        polyline(im, l->pixel, sizeof l->pixel[0], l->n_pixels,
                 l->measurement == MEASUREMENT_MEASURED ? 1.5f * stroke(im) : 1,
                 role_color(l->role));
    }
    for (int i = s->n_objects - 1; i >= 0; i--) /* the nearest on top */
        object_box(im, &s->object[i]);
    for (int i = s->n_objects - 1; i >= 0; i--)
        object_label(im, &s->object[i]);
    if (s->qualifier_lanes != QUALIFIER_AVAILABLE || s->reasons_lanes) {
        qualifier_text(text, sizeof text, "lanes", s->qualifier_lanes, s->reasons_lanes);
        draw_label(im, 0, (float)im->height, text, WARN);
    }
    if (s->qualifier_objects != QUALIFIER_AVAILABLE || s->reasons_objects) {
        qualifier_text(text, sizeof text, "objects", s->qualifier_objects, s->reasons_objects);
        draw_label(im, 0, (float)im->height - line, text, WARN);
    }
}
