#include "sim/world/road.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

double profile_at(const struct profile *p, double s)
{
    int i = 1;

    assert(p->n >= 1);
    if (s <= p->knot[0].s)
        return p->knot[0].v;
    while (i < p->n && p->knot[i].s <= s)
        i++;
    if (i == p->n)
        return p->knot[p->n - 1].v;
    double t = (s - p->knot[i - 1].s) / (p->knot[i].s - p->knot[i - 1].s);
    return p->knot[i - 1].v + (p->knot[i].v - p->knot[i - 1].v) * t * t * (3 - 2 * t);
}

enum err road_append(struct roadway *r, double length, double curvature0, double curvature1,
                     double grade1, double bank1)
{
    struct road_piece *p = &r->piece[r->n_pieces], *before = p - 1;

    assert(length > 0);
    if (r->n_pieces == ROAD_MAX_PIECES)
        return ERR_LIMIT;
    *p = (struct road_piece){.s = r->length,
                             .length = length,
                             .curvature0 = curvature0,
                             .curvature1 = curvature1,
                             .grade0 = r->n_pieces ? before->grade1 : grade1,
                             .grade1 = grade1,
                             .bank0 = r->n_pieces ? before->bank1 : bank1,
                             .bank1 = bank1};
    r->n_pieces++;
    r->length += length;
    return OK;
}

static double piece_heading(const struct road_piece *p, double u)
{
    return p->heading + u * (p->curvature0 + 0.5 * (p->curvature1 - p->curvature0) / p->length * u);
}

/* Place at u metres into the piece: cosine and sine of the heading integrated by Gauss-Legendre
 * quadrature with five points, in steps that turn by at most half a radian; that leaves errors of
 * some 1e-12 of the step. */
static void piece_place(const struct road_piece *p, double u, double *x, double *y)
{
    static const double node[5] = {-0.9061798459386640, -0.5384693101056831, 0, 0.5384693101056831,
                                   0.9061798459386640};
    static const double weight[5] = {0.2369268850561891, 0.4786286704993665, 0.5688888888888889,
                                     0.4786286704993665, 0.2369268850561891};
    double turn = fmax(fabs(p->curvature0), fabs(p->curvature1)) * u;
    int steps = 1 + (int)(turn * 2);
    double h = u / steps, cx = 0, cy = 0;

    for (int i = 0; i < steps; i++)
        for (int k = 0; k < 5; k++) {
            double a = piece_heading(p, h * (i + 0.5 + 0.5 * node[k]));
            cx += weight[k] * cos(a);
            cy += weight[k] * sin(a);
        }
    *x = p->x + 0.5 * h * cx;
    *y = p->y + 0.5 * h * cy;
}

static double piece_height(const struct road_piece *p, double u)
{
    return p->z + u * (p->grade0 + 0.5 * (p->grade1 - p->grade0) / p->length * u);
}

void road_finish(struct roadway *r, double x, double y, double z, double heading)
{
    for (int i = 0; i < r->n_pieces; i++) {
        struct road_piece *p = &r->piece[i];

        p->x = x;
        p->y = y;
        p->z = z;
        p->heading = heading;
        piece_place(p, p->length, &x, &y);
        z = piece_height(p, p->length);
        heading = piece_heading(p, p->length);
    }
}

static const struct road_piece *piece_at(const struct roadway *r, double s)
{
    int low = 0, high = r->n_pieces - 1;

    assert(r->n_pieces > 0);
    while (low < high) {
        int middle = (low + high + 1) / 2;

        if (r->piece[middle].s <= s)
            low = middle;
        else
            high = middle - 1;
    }
    return &r->piece[low];
}

struct road_point road_at(const struct roadway *r, double s, double d)
{
    double inside = fmin(fmax(s, 0), r->length), beyond = s - inside;
    const struct road_piece *p = piece_at(r, inside);
    double u = inside - p->s, f = u / p->length, x, y;

    piece_place(p, u, &x, &y);
    double heading = piece_heading(p, u), c = cos(heading), n = sin(heading);
    double curvature = beyond != 0 ? 0 : p->curvature0 + (p->curvature1 - p->curvature0) * f;
    double grade = p->grade0 + (p->grade1 - p->grade0) * f;
    double bank = p->bank0 + (p->bank1 - p->bank0) * f;
    double twist = beyond != 0 ? 0 : (p->bank1 - p->bank0) / p->length;
    double stretch = fmax(1 - curvature * d, 1e-3); /* metres at d for one along the line */

    return (struct road_point){.x = x + beyond * c - d * n,
                               .y = y + beyond * n + d * c,
                               .z = piece_height(p, u) + beyond * grade + d * bank,
                               .heading = heading,
                               .curvature = curvature / stretch,
                               .grade = (grade + d * twist) / stretch,
                               .bank = bank};
}

/* The sample of a piece that is nearest to (x, y): its s and how far it is. */
static double piece_nearest(const struct road_piece *p, double x, double y, double *s)
{
    double tight = fmax(fabs(p->curvature0), fabs(p->curvature1)), least = INFINITY;
    int n = 1 + (int)(p->length * fmax(0.05, 4 * tight));

    *s = p->s;
    for (int k = 0; k <= n; k++) {
        double u = p->length * k / n, px, py;

        piece_place(p, u, &px, &py);
        double far = hypot(px - x, py - y);
        if (far < least) {
            least = far;
            *s = p->s + u;
        }
    }
    return least;
}

/* Newton's method on "the line's tangent is at right angles to the way from the line to (x, y)". */
static bool settle(const struct roadway *r, double x, double y, double *s, double *d)
{
    for (int i = 0; i < 30; i++) {
        struct road_point p = road_at(r, *s, 0);
        double c = cos(p.heading), n = sin(p.heading);
        double ahead = (x - p.x) * c + (y - p.y) * n;

        *d = (y - p.y) * c - (x - p.x) * n;
        double step = ahead / fmax(1 - p.curvature * *d, 0.2);
        if (fabs(step) < 1e-9)
            return fabs(*d) <= 200;
        *s += fmin(fmax(step, -60), 60);
        *s = fmin(fmax(*s, -100), r->length + 100);
    }
    return false;
}

/* A road may meet itself: the nearest of the places to which each piece's nearest sample leads. */
static bool look_everywhere(const struct roadway *r, double x, double y, double *s, double *d)
{
    const double spacing = 20;
    bool found = false;

    for (int i = 0; i < r->n_pieces; i++) {
        double s1, d1, far = piece_nearest(&r->piece[i], x, y, &s1);

        if (far > (found ? fabs(*d) + spacing : 200 + spacing) || !settle(r, x, y, &s1, &d1))
            continue;
        if (!found || fabs(d1) < fabs(*d)) {
            *s = s1;
            *d = d1;
            found = true;
        }
    }
    return found;
}

bool road_locate(const struct roadway *r, double x, double y, double s_guess, double *s, double *d)
{
    const double slack = 1e-6;

    *s = s_guess;
    if ((isnan(s_guess) || !settle(r, x, y, s, d)) && !look_everywhere(r, x, y, s, d))
        return false;
    return *s >= -slack && *s <= r->length + slack;
}

int road_lane_at(const struct roadway *r, double s, double d, enum lane_use use)
{
    for (int i = 0; i < r->n_lanes; i++) {
        const struct road_lane *l = &r->lane[i];

        if (l->use == use && s >= l->s0 && s <= l->s1 &&
            fabs(d - profile_at(&l->centre, s)) <= 0.5 * profile_at(&l->width, s))
            return i;
    }
    return -1;
}
