/* How fast a number changes, by least squares over about the last second or so: what came earlier counts
 * less and less (exponentially weighted regression). Plain data, zeroed: nothing known yet. */
#ifndef OUTRIDER_TRACK_TREND_H
#define OUTRIDER_TRACK_TREND_H

struct trend { /* sums over readings y, t seconds ago negative, by weight */
    float w, t, tt, y, ty;
};

/* dt seconds go by; after memory_s of them a reading counts about a third. */
void trend_pass(struct trend *d, float dt, float memory_s);
void trend_add(struct trend *d, float y); /* a reading of now */

/* Per second; drawn to 0 as long as readings are few or too close together to say. */
float trend_slope(const struct trend *d);

#endif
