/* Where the camera is in the world, the ideal pinhole that is rendered, and how its pixels become
 * those of the real lens. */
#ifndef OUTRIDER_SIM_RENDER_VIEW_H
#define OUTRIDER_SIM_RENDER_VIEW_H

#include <stdbool.h>

#include "perception/geometry/camera.h"
#include "sim/render/program.h"
#include "sim/world/world.h"

#define VIEW_NEAR 0.25f /* m */
#define VIEW_FAR 4000.0f

struct view {
    int width, height; /* px, of the ideal picture */
    float fx, fy, cx, cy;
    double eye[3];    /* world */
    float axes[3][3]; /* right, down, forward of the camera in world axes */
};

/* Choose the ideal picture for a camera: the same where the lens is straight, else as wide as its
 * pixels look, up to 72 degrees off the axis and twice the size. */
void view_fit(struct view *v, const struct camera *c);

/* Pose of the ego car at dt seconds from now, moving on as it moves now. */
struct ego_car view_ego(const struct ego_car *now, double dt);
void view_place(struct view *v, const struct camera *c, const struct ego_car *ego);

/* The same for an actor: footprint frame -> relative to the camera, world axes. */
struct pose view_actor(const struct view *v, const struct actor *a, double dt);

/* Matrix, rays of the sky and position. */
void view_fill(const struct view *v, struct frame_block *f);

/* Relative to the camera, world axes -> camera axes. */
struct v3 view_turn(const struct view *v, struct v3 p);
/* Can a ball be seen? */
bool view_sees(const struct view *v, struct v3 centre, float radius);

/* Depth buffer value -> m along the axis; INFINITY at the far end. */
float view_depth(float z);

#endif
