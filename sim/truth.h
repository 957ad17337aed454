/* What is really there, for one frame, in the terms of our own messages (perception/scene.h), so
 * that truth and answer are compared field by field and everything that reads objects/ and lanes/
 * reads truth/objects/ and truth/lanes/ too.
 *
 * In the scene: covariances and sigmas 0, existence 1, ground_truth_id = id = the actor's; box_px
 * the visible box (tight around its pixels); position of the near face as perception.h says;
 * velocity relative to ego; occlusion and truncation measured in pixels; boundaries with type,
 * colour, stations in metres up to 100 m and a polyline in pixels; road: the mask, coarse. What the
 * scene has no place for stands beside it. */
#ifndef OUTRIDER_SIM_TRUTH_H
#define OUTRIDER_SIM_TRUTH_H

#include <stdint.h>

#include "perception/geometry/camera.h"
#include "perception/scene.h"
#include "proto/message.h"
#include "sim/render/render.h"
#include "sim/world/world.h"

struct truth_object { /* the same index as scene.object */
    struct box
        full_px; /* of the whole silhouette, also where it is hidden or outside the picture */
    uint32_t visible_px; /* pixels of it that can be seen */
    float x_m, y_m, z_m; /* centre of its footprint, vehicle frame */
    float yaw_rad;
    float vx_mps, vy_mps, ax_mps2, ay_mps2; /* over ground, vehicle axes */
    float distance_m;                       /* from the camera to the nearest point of its box */
};

struct truth {
    struct scene scene;
    struct truth_object object[SCENE_MAX_OBJECTS];
    struct ego ego; /* exact motion */
    const uint8_t
        *road; /* (height, width) 255 drivable, 0 not; borrowed from the truth maker; NULL */
};

struct truth_maker; /* working memory for one camera */
MUST_CHECK enum err truth_open(const struct camera *c, struct truth_maker **out);
void truth_close(struct truth_maker *m); /* NULL is fine */

/* picture NULL: nothing was rendered; boxes, occlusion and truncation then come from projected 3D
 * boxes alone. */
void truth_frame(struct truth_maker *m, const struct world *w, const struct rendered *picture,
                 struct truth *out);

#endif
