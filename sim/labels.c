#include "sim/labels.h"

#include <inttypes.h>
#include <math.h>

/* ---- boxes --------------------------------------------------------------------------------- */

bool label_counts(const struct object *o, const struct truth_object *more)
{
    const float least_px = 10, most_hidden = 0.75f;
    const uint32_t least_visible = 40;

    return o->box_px.x2 - o->box_px.x1 >= least_px && o->box_px.y2 - o->box_px.y1 >= least_px &&
           more->visible_px >= least_visible && !(o->occlusion > most_hidden);
}

int labels_yolo(const struct truth *t, const struct camera *c, bool ignored, FILE *f)
{
    const double w = c->width, h = c->height;
    int lines = 0;

    for (int i = 0; i < t->scene.n_objects; i++) {
        const struct object *o = &t->scene.object[i];
        const struct box b = o->box_px;

        if (label_counts(o, &t->object[i]) == ignored)
            continue;
        fprintf(f, "%d %.6f %.6f %.6f %.6f\n", o->classes[0].class, (double)(b.x1 + b.x2) / 2 / w,
                (double)(b.y1 + b.y2) / 2 / h, (double)(b.x2 - b.x1) / w,
                (double)(b.y2 - b.y1) / h);
        lines++;
    }
    return lines;
}

/* ---- lanes --------------------------------------------------------------------------------- */

/* The pixel that the polyline passes through in a row; -2: none. */
static int column_at(const struct lane_boundary *l, int row)
{
    const double y = row + 0.5;

    for (int i = 0; i + 1 < l->n_pixels; i++) {
        double y0 = (double)l->pixel[i].y, y1 = (double)l->pixel[i + 1].y;

        if (!((y0 >= y && y > y1) || (y0 <= y && y < y1)))
            continue;
        double t = (y - y0) / (y1 - y0);
        return (int)floor((double)l->pixel[i].x + t * (double)(l->pixel[i + 1].x - l->pixel[i].x));
    }
    return -2;
}

static const struct lane_boundary *with_role(const struct scene *s, int role)
{
    for (int i = 0; i < s->n_lanes; i++)
        if (s->lane[i].role == role && s->lane[i].kind == LANE_LINE && s->lane[i].n_pixels > 1)
            return &s->lane[i];
    return NULL;
}

/* The first multiple of 10 below the row that the road ahead vanishes in. */
static int first_row(const struct camera *c)
{
    const float far_m[3] = {c->x_m + 1000, c->y_m, 0};
    float px[2];

    if (!camera_project(c, far_m, px) || px[1] < 0)
        return 0;
    return 10 * (int)ceilf(px[1] / 10);
}

void labels_tusimple(const struct truth *t, const struct camera *c, const char *raw_file, FILE *f)
{
    static const int roles[] = {1, -1, 2, -2};
    const int row0 = first_row(c);
    const char *between = "";

    fprintf(f, "{\"raw_file\": \"%s\", \"h_samples\": [", raw_file);
    for (int y = row0; y < c->height; y += 10)
        fprintf(f, "%s%d", y > row0 ? ", " : "", y);
    fprintf(f, "], \"lanes\": [");
    for (int i = 0; i < 4; i++) {
        const struct lane_boundary *l = with_role(&t->scene, roles[i]);

        if (!l && i >= 2) /* the two of our own lane always have their place */
            continue;
        fprintf(f, "%s[", between);
        between = ", ";
        for (int y = row0; y < c->height; y += 10)
            fprintf(f, "%s%d", y > row0 ? ", " : "", l ? column_at(l, y) : -2);
        fprintf(f, "]");
    }
    fprintf(f, "]}\n");
}

/* ---- tracks -------------------------------------------------------------------------------- */

const char *labels_kitti_type(enum object_class c)
{
    switch (c) {
    case OBJECT_CAR:
        return "Car";
    case OBJECT_TRUCK:
        return "Truck";
    case OBJECT_BUS:
        return "Bus";
    case OBJECT_PERSON:
        return "Pedestrian";
    case OBJECT_CYCLIST:
        return "Cyclist";
    case OBJECT_MOTORCYCLE:
        return "Motorcycle";
    default:
        return NULL;
    }
}

/* Vehicle axes -> camera axes, of directions; the distortion of the lens plays no part. */
static void to_camera(const struct camera *c, const double v[3], double out[3])
{
    struct camera plain = *c;
    const float centre[2] = {0, 0}, right[2] = {1, 0}, down[2] = {0, 1};
    float f[3], r[3], d[3];

    /* A camera of focal length 1 without distortion: its rays span the axes. */
    plain.model = CAMERA_PINHOLE;
    plain.fx = plain.fy = 1;
    plain.cx = plain.cy = 0;
    for (int i = 0; i < CAMERA_DISTORTION; i++)
        plain.distortion[i] = 0;
    if (!camera_ray(&plain, centre, f) || !camera_ray(&plain, right, r) ||
        !camera_ray(&plain, down, d))
        return;
    out[0] = out[1] = out[2] = 0;
    for (int i = 0; i < 3; i++) {
        out[0] += v[i] * ((double)r[i] * M_SQRT2 - (double)f[i]);
        out[1] += v[i] * ((double)d[i] * M_SQRT2 - (double)f[i]);
        out[2] += v[i] * (double)f[i];
    }
}

static int occluded(float share)
{
    return !(share > 0.1f) ? 0 : share < 0.5f ? 1 : 2;
}

void labels_kitti(const struct truth *t, const struct camera *c, int frame, FILE *f)
{
    for (int i = 0; i < t->scene.n_objects; i++) {
        const struct object *o = &t->scene.object[i];
        const struct truth_object *m = &t->object[i];
        const char *type = labels_kitti_type(o->classes[0].class);
        const double v[3] = {(double)(m->x_m - c->x_m), (double)(m->y_m - c->y_m),
                             (double)(m->z_m - c->z_m)};
        const double nose[3] = {cos((double)m->yaw_rad), sin((double)m->yaw_rad), 0};
        double p[3] = {0}, n[3] = {0};

        if (!type)
            continue;
        to_camera(c, v, p);
        to_camera(c, nose, n);
        double turn = -atan2(n[2], n[0]), alpha = remainder(turn - atan2(p[0], p[2]), 2 * M_PI);
        fprintf(f,
                "%d %" PRIu64 " %s %d %d %.6f %.6f %.6f %.6f %.6f %.6f %.6f %.6f %.6f %.6f %.6f "
                "%.6f\n",
                frame, o->id, type, o->truncation > 0.05f, occluded(o->occlusion), alpha,
                (double)o->box_px.x1, (double)o->box_px.y1, (double)o->box_px.x2,
                (double)o->box_px.y2, (double)o->height_m, (double)o->width_m, (double)o->length_m,
                p[0], p[1], p[2], turn);
    }
}

/* ---- everything ---------------------------------------------------------------------------- */

static void truth_box(const char *name, const struct box *b, FILE *f)
{
    fprintf(f, "\"%s\": [%.2f, %.2f, %.2f, %.2f], ", name, (double)b->x1, (double)b->y1,
            (double)b->x2, (double)b->y2);
}

static void truth_object(const struct object *o, const struct truth_object *more, FILE *f)
{
    fprintf(f, "{\"class\": \"%s\", \"id\": %" PRIu64 ", ", object_class_name(o->classes[0].class),
            o->id);
    truth_box("box", &o->box_px, f);
    truth_box("full", &more->full_px, f);
    fprintf(f, "\"at\": [%.3f, %.3f, %.3f], \"size\": [%.2f, %.2f, %.2f], ", (double)o->x_m,
            (double)o->y_m, (double)o->z_m, (double)o->length_m, (double)o->width_m,
            (double)o->height_m);
    fprintf(f, "\"velocity\": [%.3f, %.3f], ", (double)o->vx_mps, (double)o->vy_mps);
    if (o->is_lead)
        fprintf(f, "\"lead\": true, ");
    if (isfinite(o->occlusion)) /* signs are not looked behind */
        fprintf(f, "\"occlusion\": %.3f, ", (double)o->occlusion);
    if (isfinite(o->truncation))
        fprintf(f, "\"truncation\": %.3f, ", (double)o->truncation);
    fprintf(f, "\"yaw\": %.3f, \"counts\": %s}", (double)more->yaw_rad,
            label_counts(o, more) ? "true" : "false");
}

static void truth_boundary(const struct lane_boundary *l, FILE *f)
{
    fprintf(f, "{\"role\": %d, \"kind\": %d, \"type\": %d, \"color\": %d, \"pixels\": [", l->role,
            l->kind, l->n_types ? (int)l->types[0].type : 0,
            l->n_colors ? (int)l->colors[0].color : 0);
    for (int i = 0; i < l->n_pixels; i++)
        fprintf(f, "%s[%.1f, %.1f]", i ? ", " : "", (double)l->pixel[i].x, (double)l->pixel[i].y);
    fprintf(f, "]}");
}

/* Words by which scores are told apart. */
static void truth_conditions(const struct world *w, FILE *f)
{
    static const char *const style[] = {"urban", "rural", "motorway"};
    const struct weather *sky = &w->weather;

    fprintf(f, "\"%s\"",
            sky->sun_elevation < -0.1f ? "night"
            : sky->sun_elevation < 0   ? "dusk"
                                       : "day");
    fprintf(f, ", \"%s\"", style[w->style]);
    if (sky->rain > 0.15f)
        fprintf(f, ", \"rain\"");
    if (sky->fog > 0.002f) /* one sees 1.5 km */
        fprintf(f, ", \"fog\"");
}

void labels_truth(const struct truth *t, const struct world *w, const char *image, FILE *f)
{
    fprintf(f, "{\"image\": \"%s\", \"conditions\": [", image);
    truth_conditions(w, f);
    fprintf(f, "], \"ego\": {\"speed_mps\": %.4f, \"yaw_rate_radps\": %.5f}, \"objects\": [",
            (double)t->ego.speed_mps, (double)t->ego.yaw_rate_radps);
    for (int i = 0; i < t->scene.n_objects; i++) {
        fprintf(f, "%s", i ? ", " : "");
        truth_object(&t->scene.object[i], &t->object[i], f);
    }
    fprintf(f, "], \"boundaries\": [");
    for (int i = 0; i < t->scene.n_lanes; i++) {
        fprintf(f, "%s", i ? ", " : "");
        truth_boundary(&t->scene.lane[i], f);
    }
    fprintf(f, "]}\n");
}

/* ---- calibration --------------------------------------------------------------------------- */

void labels_calibration(const struct camera *c, FILE *f)
{
    fprintf(f, "width: %d\nheight: %d\nmodel: %s\n", c->width, c->height,
            c->model == CAMERA_FISHEYE ? "fisheye" : "pinhole");
    fprintf(f, "fx: %.9g\nfy: %.9g\ncx: %.9g\ncy: %.9g\ndistortion: [", (double)c->fx,
            (double)c->fy, (double)c->cx, (double)c->cy);
    for (int i = 0; i < CAMERA_DISTORTION; i++)
        fprintf(f, "%s%.9g", i ? ", " : "", (double)c->distortion[i]);
    fprintf(f, "]\nx_m: %.9g\ny_m: %.9g\nz_m: %.9g\n", (double)c->x_m, (double)c->y_m,
            (double)c->z_m);
    fprintf(f, "roll_rad: %.9g\npitch_rad: %.9g\nyaw_rad: %.9g\n", (double)c->roll_rad,
            (double)c->pitch_rad, (double)c->yaw_rad);
    if (c->sigma_pitch_rad > 0)
        fprintf(f, "sigma_pitch_rad: %.9g\n", (double)c->sigma_pitch_rad);
    if (c->sigma_z_m > 0)
        fprintf(f, "sigma_z_m: %.9g\n", (double)c->sigma_z_m);
}
