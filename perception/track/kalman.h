/* Constant-velocity Kalman filters: one number, and a point in the plane. The disturbance is white
 * acceleration, its strength q per second: after dt the velocity has gained variance q * dt. */
#ifndef OUTRIDER_TRACK_KALMAN_H
#define OUTRIDER_TRACK_KALMAN_H

struct kalman_axis {
    float x, v;       /* value and rate */
    float xx, xv, vv; /* covariance */
};

struct kalman_axis kalman_axis_start(float x, float sigma_x, float sigma_v);
/* stretch 1: at constant rate. What comes closer at constant speed moves in the picture as 1 over
 * its distance; stretch is the ratio of the distance before to that after, and that is exact then.
 */
void kalman_axis_predict(struct kalman_axis *k, float dt, float stretch, float q);
void kalman_axis_update(struct kalman_axis *k, float z, float variance);

struct kalman_plane {
    double s[4];    /* x y vx vy */
    double p[4][4]; /* covariance, symmetric */
};

/* variance: xx xy yy of the position; sigma_v: of vx and vy, which start at 0. */
void kalman_plane_start(struct kalman_plane *k, const double z[2], const double variance[3],
                        const double sigma_v[2]);
void kalman_plane_predict(struct kalman_plane *k, double dt, double q);

/* A measured position. One that is too far off to be true by its own variance (over 4 sigma) counts
 * with as much variance as makes it 4 sigma, so that one bad box does not throw the track. */
void kalman_plane_update(struct kalman_plane *k, const double z[2], const double variance[3]);

#endif
