#include "perception/track/trend.h"

static const float FEW = 0.1f; /* s^2, of readings around their middle */

void trend_pass(struct trend *d, float dt, float memory_s)
{
    float keep = 1 / (1 + dt / memory_s);

    d->tt = keep * (d->tt - 2 * dt * d->t + dt * dt * d->w);
    d->t = keep * (d->t - dt * d->w);
    d->ty = keep * (d->ty - dt * d->y);
    d->y *= keep;
    d->w *= keep;
}

void trend_add(struct trend *d, float y)
{
    d->w += 1;
    d->y += y;
}

float trend_slope(const struct trend *d)
{
    if (!(d->w > 0))
        return 0;
    return (d->ty - d->t * d->y / d->w) / (d->tt - d->t * d->t / d->w + FEW);
}
