#include "perception/track/locate.h"

#include <math.h>

#include "perception/geometry/ground.h"

const struct class_size *class_size(enum object_class c)
{
    /* Typical measures on European and American roads; riders sit on their machines. */
    static const struct class_size size[OBJECT_CLASS_COUNT] = {
        [OBJECT_CAR] = {4.2f, 1.80f, 1.52f, 0.5f, 0.10f, 0.12f},
        [OBJECT_TRUCK] = {7.5f, 2.45f, 3.2f, 2.5f, 0.20f, 0.5f},
        [OBJECT_BUS] = {11.0f, 2.55f, 3.1f, 2.0f, 0.10f, 0.3f},
        [OBJECT_PERSON] = {0.5f, 0.60f, 1.70f, 0.15f, 0.15f, 0.15f},
        [OBJECT_CYCLIST] = {1.75f, 0.60f, 1.70f, 0.15f, 0.12f, 0.15f},
        [OBJECT_MOTORCYCLE] = {2.1f, 0.80f, 1.45f, 0.2f, 0.10f, 0.25f},
        [OBJECT_TRAFFIC_LIGHT] = {0.3f, 0.35f, 0.90f, 0.1f, 0.10f, 0.30f},
        [OBJECT_TRAFFIC_SIGN] = {0.05f, 0.70f, 0.75f, 0.03f, 0.20f, 0.20f},
        [OBJECT_SIGN_OR_LIGHT] = {0.2f, 0.60f, 0.80f, 0.1f, 0.25f, 0.30f},
        [OBJECT_BICYCLE] = {1.75f, 0.55f, 1.05f, 0.15f, 0.12f, 0.15f},
        [OBJECT_VEHICLE] = {4.5f, 1.85f, 1.60f, 1.2f, 0.20f, 0.30f},
    };

    return &size[c];
}

enum class_kind class_kind(enum object_class c)
{
    switch (c) {
    case OBJECT_PERSON:
    case OBJECT_CYCLIST:
    case OBJECT_MOTORCYCLE:
    case OBJECT_BICYCLE:
        return KIND_PERSON;
    case OBJECT_TRAFFIC_LIGHT:
    case OBJECT_TRAFFIC_SIGN:
    case OBJECT_SIGN_OR_LIGHT:
        return KIND_SIGN;
    default:
        return KIND_VEHICLE;
    }
}

unsigned box_cut_sides(const struct box *box, int width, int height)
{
    /* Detectors seldom reach the very last pixel. */
    float w = (float)width, h = (float)height, dx = fmaxf(2, 0.01f * w), dy = fmaxf(2, 0.01f * h);

    return (box->x1 < dx ? SIDE_LEFT : 0) | (box->y1 < dy ? SIDE_TOP : 0) |
           (box->x2 > w - dx ? SIDE_RIGHT : 0) | (box->y2 > h - dy ? SIDE_BOTTOM : 0);
}

/* The box as angles seen from the camera. Horizontal distances count from the camera. */
struct sight {
    double ahead[2];     /* unit vector over the ground to the middle of the box */
    double slope_bottom; /* rise per metre of distance */
    double slope_top;
    double slope_per_px;  /* at the middle of the box, for spreads */
    double left, right;   /* tangents of the bearings of the sides from there, left > 0 */
    double y_low, y_high; /* y of the sides per metre of distance: both > 0 is left of us */
    unsigned cut;
};

static const double TOLD_SIGMA_MIN =
    0.04; /* no camera that we did not train with is that well known */

struct range {                /* one source's word on the distance */
    double m, white, lasting; /* variances, m^2: new in every frame, and the same for long */
};

static bool look(const struct camera *c, float x, float y, double d[3])
{
    float px[2] = {x, y}, ray[3];

    if (!camera_ray(c, px, ray))
        return false;
    double n = hypot((double)ray[0], (double)ray[1]);
    if (n < 1e-3)
        return false;
    for (int i = 0; i < 3; i++)
        d[i] = (double)ray[i] / n;
    return true;
}

static double bearing(const struct sight *s, const double d[3])
{
    double along = s->ahead[0] * d[0] + s->ahead[1] * d[1];
    double across = s->ahead[0] * d[1] - s->ahead[1] * d[0];

    return across / fmax(along, 1e-3);
}

static bool sight_take(const struct camera *c, const struct box *b, struct sight *s)
{
    float mx = 0.5f * (b->x1 + b->x2), my = 0.5f * (b->y1 + b->y2), height = b->y2 - b->y1;
    double bottom[3], top[3], left[3], right[3];

    if (!look(c, mx, b->y2, bottom) || !look(c, mx, b->y1, top) || !look(c, b->x1, my, left) ||
        !look(c, b->x2, my, right) || !(height > 0.5f))
        return false;
    s->ahead[0] = bottom[0];
    s->ahead[1] = bottom[1];
    s->slope_bottom = bottom[2];
    s->slope_top = top[2];
    s->slope_per_px = (top[2] - bottom[2]) / (double)height;
    s->left = bearing(s, left);
    s->right = bearing(s, right);
    double y_left = s->ahead[1] + s->left * s->ahead[0];
    double y_right = s->ahead[1] + s->right * s->ahead[0];
    s->y_low = fmin(y_left, y_right);
    s->y_high = fmax(y_left, y_right);
    s->cut = box_cut_sides(b, c->width, c->height);
    return s->slope_per_px > 0 && s->left > s->right;
}

/* Where the bottom of the box meets the road, as ground_from_pixel() has it, along the ray alone.
 * Pitch and height of the camera stay what they are for a while; half of the pitch's variance is
 * the body nodding, new in every frame. */
static bool range_on_road(const struct camera *c, const struct box *b, const float sigma_px[4],
                          const struct sight *s, float covered, struct range *out)
{
    double h = (double)c->z_m, hidden_px = 0.5 * (double)(covered * (b->y2 - b->y1));

    if (!(s->slope_bottom < -h / GROUND_FAR_M))
        return false;
    out->m = -h / s->slope_bottom;
    double pixel =
        out->m * s->slope_per_px / s->slope_bottom * hypot((double)sigma_px[3], hidden_px);
    double nod = (h + out->m * out->m / h) * (double)camera_sigma_pitch(c);
    double rise = out->m / h * (double)camera_sigma_z(c);
    out->lasting = 0.5 * nod * nod + rise * rise;
    out->white = 0.5 * nod * nod + pixel * pixel;
    if (s->cut & SIDE_BOTTOM) { /* it stands nearer than the last row shows */
        out->white += 0.16 * out->m * out->m;
        out->lasting += 0.04 * out->m * out->m;
    }
    return true;
}

/* Distance at which an extent of so many metres is seen under this slope. */
static struct range range_of_extent(double slope, double sigma_slope, float m, float sigma_m)
{
    double r = (double)m / slope;

    return (struct range){r, pow(r * sigma_slope / slope, 2),
                          pow(r * (double)sigma_m / (double)m, 2)};
}

static struct range range_mean(struct range a, struct range b, double *weight_a)
{
    double va = a.white + a.lasting, vb = b.white + b.lasting;
    double w = vb / (va + vb), doubt = pow(a.m - b.m, 2) / (va + vb) / 4;

    /* Two that differ by over 2 sigma of their difference are both worse than they say. */
    doubt = fmax(1, doubt);
    *weight_a = w;
    return (struct range){w * a.m + (1 - w) * b.m,
                          doubt * (w * w * a.white + (1 - w) * (1 - w) * b.white),
                          doubt * (w * w * a.lasting + (1 - w) * (1 - w) * b.lasting)};
}

/* Height says the distance of anything upright; the width only of a vehicle straight ahead, where
 * neither of its sides shows. */
static bool range_by_size(const struct box *b, const float sigma_px[4], const struct sight *s,
                          enum object_class class, float covered, struct range *out)
{
    const struct class_size *size = class_size(class);
    double pixel = s->slope_per_px, weight;
    double hidden = 0.3 * (double)covered * (s->slope_top - s->slope_bottom);
    bool tall = !(s->cut & (SIDE_TOP | SIDE_BOTTOM));
    bool wide = class_kind(class) == KIND_VEHICLE && !(s->cut & (SIDE_LEFT | SIDE_RIGHT)) &&
                s->y_low < 0 && s->y_high > 0;
    struct range by_height, by_width;

    if (tall)
        by_height = range_of_extent(
            s->slope_top - s->slope_bottom,
            hypot(hypot(pixel * (double)sigma_px[1], pixel * (double)sigma_px[3]), hidden),
            size->height, size->height_sigma);
    if (wide)
        by_width = range_of_extent(
            s->left - s->right,
            hypot(hypot(pixel * (double)sigma_px[0], pixel * (double)sigma_px[2]), hidden),
            size->width, size->width_sigma);
    if (tall && wide) {
        /* Much wider than a rear or a front: it shows its side. */
        wide = (b->x2 - b->x1) / (b->y2 - b->y1) < 1.35f * size->width / size->height;
    }
    if (tall && wide)
        *out = range_mean(by_height, by_width, &weight);
    else if (tall)
        *out = by_height;
    else if (wide)
        *out = by_width;
    return tall || wide;
}

/* How far the middle of the near face lies from the middle of the box. A vehicle beside our way
 * shows its flank on the side towards us; only its outer edge belongs to the near face, and the
 * middle is half a width away from that. */
struct shift {
    double y_m;
    double per_m;          /* of it, for each metre of distance */
    double white, lasting; /* spreads, m */
};

static struct shift face_shift(const struct sight *s, enum object_class class, double range)
{
    const struct class_size *size = class_size(class);
    double seen = (s->left - s->right) * range, longest = 0.5 * (double)size->length;
    double flank = (seen - (double)size->width) / 2;
    int side = s->y_low > 0 ? 1 : s->y_high < 0 ? -1 : 0;
    struct shift shift = {0};

    if (class_kind(class) != KIND_VEHICLE || fabs(s->ahead[0]) < 0.5)
        return shift;
    if (s->cut & (SIDE_LEFT | SIDE_RIGHT)) /* some of it is outside the picture */
        shift.white = 0.5 * (double)size->width;
    if (!side || flank <= 0)
        return shift;
    shift.y_m = side * fmin(flank, longest);
    shift.per_m = flank < longest ? side * (s->left - s->right) / 2 : 0;
    shift.lasting = hypot(0.5 * (double)size->width_sigma, 0.1 * flank); /* it may stand askew */
    return shift;
}

static void measure_extents(const float sigma_px[4], const struct sight *s,
                            const struct range *road, struct located *out)
{
    double relative = sqrt(road->white + road->lasting) / road->m;
    double pixel = road->m * s->slope_per_px * 1.4;

    if (s->cut)
        return;
    out->height_m = (float)((s->slope_top - s->slope_bottom) * road->m);
    out->height_sigma_m =
        (float)hypot(pixel * (double)sigma_px[3], (double)out->height_m * relative);
    if (s->y_low < 0 && s->y_high > 0) {
        out->width_m = (float)((s->left - s->right) * road->m);
        out->width_sigma_m =
            (float)hypot(pixel * (double)sigma_px[0], (double)out->width_m * relative);
    }
}

/* A network has looked at size and place as well as we could: it speaks instead of the size. About half of what it
 * gets wrong it gets wrong again in the next frame. */
static struct range range_told(const struct told *told)
{
    const double sigma = fmax((double)told->sigma, TOLD_SIGMA_MIN) * (double)told->m;

    return (struct range){(double)told->m, 0.5 * sigma * sigma, 0.5 * sigma * sigma};
}

bool locate_box(const struct camera *camera, const struct box *box, const float sigma_px[4],
                enum object_class class, float covered, const struct told *told,
                struct located *out)
{
    struct sight s;
    struct range road, size, r;
    double weight = 0;

    *out = (struct located){
        .width_m = NAN, .width_sigma_m = NAN, .height_m = NAN, .height_sigma_m = NAN};
    if (!sight_take(camera, box, &s))
        return false;
    bool stands = class_kind(class) != KIND_SIGN;
    bool on_road = stands && range_on_road(camera, box, sigma_px, &s, covered, &road);
    bool by_size = told->m > 0 || range_by_size(box, sigma_px, &s, class, covered, &size);
    if (told->m > 0)
        size = range_told(told);
    if (on_road && by_size)
        r = range_mean(road, size, &weight);
    else if (on_road)
        r = road, weight = 1;
    else if (by_size)
        r = size;
    else
        return false;

    /* Along the ray: the distance. Across it: the columns of the box, and the flank. */
    double column = 0.5 * hypot((double)sigma_px[0], (double)sigma_px[2]) * s.slope_per_px;
    struct shift shift = face_shift(&s, class, r.m);
    double across = pow(column * r.m, 2);
    double u = s.ahead[0], v = s.ahead[1], w = v + shift.per_m;
    out->lever_y_m = (float)(r.m * shift.per_m - shift.y_m);
    out->lasting_y_m = (float)shift.lasting;
    out->at_m[0] = (double)camera->x_m + r.m * u;
    out->at_m[1] = (double)camera->y_m + r.m * v + shift.y_m;
    out->covariance[0] = u * u * r.white + v * v * across;
    out->covariance[1] = u * w * r.white - u * v * across;
    out->covariance[2] = w * w * r.white + u * u * across + shift.white * shift.white;
    out->z_m = stands ? 0 : camera->z_m + (float)(r.m * s.slope_bottom);

    double lasting = sqrt(r.lasting) / r.m;
    double g = on_road ? weight * sqrt(road.lasting) : 0,
           z = by_size ? (1 - weight) * sqrt(size.lasting) : 0, both = hypot(g, z);
    out->lasting_ground = both > 0 ? (float)(lasting * g / both) : 0;
    out->lasting_size = both > 0 ? (float)(lasting * z / both) : 0;
    if (on_road && covered < 0.1f)
        measure_extents(sigma_px, &s, &road, out);
    return true;
}
