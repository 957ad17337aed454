#include "perception/track/ego_lane.h"

#include <stddef.h>

enum { N = CUBIC_TERMS, S = CUBIC_SCALE_M };

static const double WIDTH_PRIOR_M = 3.5, WIDTH_PRIOR_SIGMA_M = 0.4;
static const double WIDTH_MIN_M = 2.0, WIDTH_MAX_M = 5.5;
static const double BODY_HALF_M = 0.95;
static const double DEPARTURE_MAX_S = 20;

/* At our origin, as linear functions of a cubic's coefficients. */
static const double POSITION[N] = {1}, SLOPE[N] = {0, 1.0 / S}, BEND[N] = {0, 0, 2.0 / S / S};

/* Value and sigma of (f(a) + f(b)) / 2, or of f(a) alone without b. */
static double mean_of(const struct lane_cubic *a, const struct lane_cubic *b, const double f[N],
                      double *sigma)
{
    double w[N], sum = 0;

    for (int i = 0; i < N; i++) {
        w[i] = b ? 0.5 * f[i] : f[i];
        sum += w[i] * (a->c[i] + (b ? b->c[i] : 0));
    }
    *sigma = sqrt(fmax(lane_cubic_variance(a, w, b, w), 0));
    return sum;
}

static double width_at_origin(const struct lane_cubic *left, const struct lane_cubic *right,
                              double *sigma)
{
    const double minus[N] = {-1};

    *sigma = sqrt(fmax(lane_cubic_variance(left, POSITION, right, minus), 0));
    return left->c[0] - right->c[0];
}

/* Time until our side is over the boundary that we drift towards. */
static void find_departure(const struct lane_cubic *left, const struct lane_cubic *right,
                           double speed, double heading, double heading_sigma, struct ego_lane *out)
{
    double v = speed * sin(heading), v_sigma = fabs(speed) * heading_sigma, sigma;
    const struct lane_cubic *ahead = v > 0 ? left : right;

    if (!(fabs(v) > v_sigma) || !ahead) /* NAN speed ends here too */
        return;
    double y = mean_of(ahead, NULL, POSITION, &sigma);
    double gap = fmax((v > 0 ? y : -y) - BODY_HALF_M, 0), t = gap / fabs(v);
    if (!(t <= DEPARTURE_MAX_S))
        return;
    out->time_to_departure_s = (float)t;
    out->time_to_departure_sigma_s = (float)(hypot(sigma, t * v_sigma) / fabs(v));
}

void ego_lane_find(const struct lane_cubic *left, const struct lane_cubic *right, float speed_mps,
                   struct ego_lane *out)
{
    double centre, width = NAN, sigma, width_sigma = NAN;

    *out = (struct ego_lane){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    if (!left && !right)
        return;
    if (left && right) {
        width = width_at_origin(left, right, &width_sigma);
        if (!(width >= WIDTH_MIN_M && width <= WIDTH_MAX_M)) { /* keep the one beside us */
            if (fabs(left->c[0]) <= fabs(right->c[0]))
                right = NULL;
            else
                left = NULL;
        }
    }
    const struct lane_cubic *one = left ? left : right, *other = left ? right : NULL;
    if (!other && fabs(one->c[0]) > WIDTH_PRIOR_M + WIDTH_PRIOR_SIGMA_M)
        return; /* we are not in the usual lane beside it */
    centre = mean_of(one, other, POSITION, &sigma);
    if (!other) {
        centre += (left ? -0.5 : 0.5) * WIDTH_PRIOR_M;
        sigma = hypot(sigma, 0.5 * WIDTH_PRIOR_SIGMA_M);
    }
    double slope_sigma, bend_sigma;
    double slope = mean_of(one, other, SLOPE, &slope_sigma);
    double bend = mean_of(one, other, BEND, &bend_sigma);
    double cosine = 1 / sqrt(1 + slope * slope); /* across the lane, not across us */

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
