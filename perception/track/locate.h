/* One box in one picture -> where the near face of the object stands, in metres.
 *
 * Two sources and, where the network says how far it is, a third, weighed by their variance: the row where the object meets the road (good near, poor
 * far: the camera's pitch), and its height or width against what its class usually measures (the
 * same few percent at any distance). What pitch and size get wrong they get wrong the same way in
 * the next frame, so that part is kept apart: averaging over frames does not make it smaller. */
#ifndef OUTRIDER_TRACK_LOCATE_H
#define OUTRIDER_TRACK_LOCATE_H

#include "perception/geometry/camera.h"
#include "perception/scene.h"

struct class_size { /* m; sigma: from one such object to the next */
    float length, width, height;
    float length_sigma, width_sigma, height_sigma;
};
const struct class_size *class_size(enum object_class c);

/* A road user stands on the road, one of a few kinds; signs and lights hang over it. */
enum class_kind { KIND_VEHICLE, KIND_PERSON, KIND_SIGN };
enum class_kind class_kind(enum object_class c);

struct located {
    double at_m[2];       /* x, y of the near face's bottom centre, vehicle frame */
    double covariance[3]; /* xx xy yy, what changes from frame to frame */
    float z_m;            /* of the bottom */
    /* Relative spread of the distance from the camera that stays for long, by its cause. */
    float lasting_ground, lasting_size;
    /* With the distance the point moves along (x, y + lever_y_m) from the camera; besides, in y it
     * may be off by this for long. */
    float lever_y_m, lasting_y_m;
    /* What the box measures at the distance that the road alone gives; NAN if not to be known. */
    float width_m, width_sigma_m, height_m, height_sigma_m;
};

/* What a network says of the distance from the camera along the ground; m 0: nothing. */
struct told {
    float m, sigma; /* sigma: a share of m */
};

/* sigma_px: of x1 y1 x2 y2. covered: share of the box behind nearer ones, 0..1. camera: calibrated,
 * scaled to the picture. False where neither source says anything. */
bool locate_box(const struct camera *camera, const struct box *box, const float sigma_px[4],
                enum object_class class, float covered, const struct told *told,
                struct located *out);

/* Which sides of the picture the box ends at, where the object may go on. */
enum { SIDE_LEFT = 1, SIDE_TOP = 2, SIDE_RIGHT = 4, SIDE_BOTTOM = 8 };
unsigned box_cut_sides(const struct box *box, int width, int height);

#endif
