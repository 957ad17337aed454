#include "perception/track/ego_lane.h"

#include <stddef.h>

enum { N = CUBIC_TERMS, S = CUBIC_SCALE_M };

static const double WIDTH_PRIOR_M = 3.5, WIDTH_PRIOR_SIGMA_M = 0.4;
static const double WIDTH_UNREST = 0.01, WIDTH_ERROR_M = 0.1; /* m^2 per s; of one look */
enum { LOOKS_REPEAT = 10 }; /* frames repeat each other's mistakes: so many count as one */
static const double WIDTH_MIN_M = 2.0, WIDTH_MAX_M = 5.5;
static const double BODY_HALF_M = 0.95;
static const double DEPARTURE_MAX_S = 20;

/* At our origin, as linear functions of a cubic's coefficients. */
static const double POSITION[N] = {1}, SLOPE[N] = {0, 1.0 / S}, BEND[N] = {0, 0, 2.0 / S / S};

/* A linear function of one cubic's coefficients. */
static double value_of(const struct lane_cubic *k, const double f[N])
{
    double sum = 0;

    for (int i = 0; i < N; i++)
        sum += f[i] * k->c[i];
    return sum;
}

/* What both sides say of the lane's middle, weighed by how sure each is; one may be NULL. apart, with its variance: from
 * a side to the middle; if that is wrong, the two are wrong in opposite ways. */
static double middle_of(const struct lane_cubic *left, const struct lane_cubic *right,
                        const double f[N], double apart, double apart_variance, double *sigma)
{
    const struct lane_cubic *one = left ? left : right;

    if (!left || !right) {
        *sigma = sqrt(fmax(lane_cubic_variance(one, f, NULL, NULL), 0) + apart_variance);
        return value_of(one, f) + (left ? -apart : apart);
    }
    const double l = value_of(left, f) - apart, r = value_of(right, f) + apart;
    const double own_l = lane_cubic_variance(left, f, NULL, NULL),
                 own_r = lane_cubic_variance(right, f, NULL, NULL);
    const double var_l = own_l + apart_variance, var_r = own_r + apart_variance;
    const double both =
        (lane_cubic_variance(left, f, right, f) - own_l - own_r) / 2 - apart_variance;
    const double differ = fmax(var_l + var_r - 2 * both, 1e-12);
    const double share = fmin(fmax((var_r - both) / differ, 0), 1);
    const double variance =
        share * share * var_l + (1 - share) * (1 - share) * var_r + 2 * share * (1 - share) * both;

    /* Birge: two that agree worse than they say are less sure than they say. */
    *sigma = sqrt(fmax(variance, 0) * fmax((l - r) * (l - r) / differ, 1));
    return share * l + (1 - share) * r;
}

static double width_at_origin(const struct lane_cubic *left, const struct lane_cubic *right,
                              double *sigma)
{
    const double minus[N] = {-1};

    *sigma = sqrt(fmax(lane_cubic_variance(left, POSITION, right, minus), 0));
    return left->c[0] - right->c[0];
}

static struct lane_width width_known(const struct lane_width *w)
{
    return w->variance > 0
               ? *w
               : (struct lane_width){WIDTH_PRIOR_M, WIDTH_PRIOR_SIGMA_M * WIDTH_PRIOR_SIGMA_M};
}

void lane_width_step(struct lane_width *w, const struct lane_cubic *left,
                     const struct lane_cubic *right, double dt_s)
{
    const double widest = WIDTH_PRIOR_SIGMA_M * WIDTH_PRIOR_SIGMA_M;
    double sigma;

    *w = width_known(w);
    w->variance = fmin(w->variance + WIDTH_UNREST * dt_s, widest);
    if (!left || !right)
        return;
    const double seen = width_at_origin(left, right, &sigma);
    const double variance = LOOKS_REPEAT * (sigma * sigma + WIDTH_ERROR_M * WIDTH_ERROR_M);

    if (!(seen >= WIDTH_MIN_M && seen <= WIDTH_MAX_M))
        return;
    const double gain = w->variance / (w->variance + variance);
    w->m += gain * (seen - w->m);
    w->variance *= 1 - gain;
}

/* Time until our side is over the boundary that we drift towards. */
static void find_departure(const struct lane_cubic *left, const struct lane_cubic *right,
                           double speed, double heading, double heading_sigma, struct ego_lane *out)
{
    double v = speed * sin(heading), v_sigma = fabs(speed) * heading_sigma, sigma;
    const struct lane_cubic *ahead = v > 0 ? left : right;

    if (!(fabs(v) > v_sigma) || !ahead) /* NAN speed ends here too */
        return;
    double y = value_of(ahead, POSITION);
    sigma = sqrt(fmax(lane_cubic_variance(ahead, POSITION, NULL, NULL), 0));
    double gap = fmax((v > 0 ? y : -y) - BODY_HALF_M, 0), t = gap / fabs(v);
    if (!(t <= DEPARTURE_MAX_S))
        return;
    out->time_to_departure_s = (float)t;
    out->time_to_departure_sigma_s = (float)(hypot(sigma, t * v_sigma) / fabs(v));
}

void ego_lane_find(const struct lane_cubic *left, const struct lane_cubic *right,
                   const struct lane_width *usual, float speed_mps, struct ego_lane *out)
{
    const struct lane_width lane = width_known(usual);
    double width = NAN, sigma, width_sigma = NAN, slope_sigma, bend_sigma;

    *out = (struct ego_lane){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    if (!left && !right)
        return;
    if (left && right) {
        width = width_at_origin(left, right, &width_sigma);
        if (!(width >= WIDTH_MIN_M &&
              width <= WIDTH_MAX_M)) { /* keep the one where a side should be */
            if (fabs(left->c[0] - lane.m / 2) <= fabs(right->c[0] + lane.m / 2))
                right = NULL;
            else
                left = NULL;
        }
    }
    const struct lane_cubic *one = left ? left : right, *other = left ? right : NULL;
    if (!other && fabs(one->c[0]) > WIDTH_PRIOR_M + WIDTH_PRIOR_SIGMA_M)
        return; /* we are not in the usual lane beside it */
    const double centre = middle_of(left, right, POSITION, lane.m / 2, lane.variance / 4, &sigma);
    const double slope = middle_of(left, right, SLOPE, 0, 0, &slope_sigma);
    const double bend = middle_of(left, right, BEND, 0, 0, &bend_sigma);
    const double cosine = 1 / sqrt(1 + slope * slope); /* across the lane, not across us */

    out->offset_m = (float)(-centre * cosine);
    out->offset_sigma_m = (float)(sigma * cosine);
    out->heading_rad = (float)-atan(slope);
    out->heading_sigma_rad = (float)(slope_sigma * cosine * cosine);
    out->curvature_1pm = (float)(bend * cosine * cosine * cosine);
    out->curvature_sigma_1pm = (float)(bend_sigma * cosine * cosine * cosine);
    if (other) {
        out->width_m = (float)(width * cosine);
        out->width_sigma_m = (float)(width_sigma * cosine);
    }
    find_departure(left, right, (double)speed_mps, -atan(slope), slope_sigma, out);
}
