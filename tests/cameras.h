/* The camera of the tests' small worlds: wide, like KITTI's, 1.65 m above the road. */
#ifndef OUTRIDER_TESTS_CAMERAS_H
#define OUTRIDER_TESTS_CAMERAS_H

#include "perception/geometry/camera.h"

static inline struct camera front_camera(void)
{
    return (struct camera){.width = 1242,
                           .height = 375,
                           .model = CAMERA_PINHOLE,
                           .fx = 721.5f,
                           .fy = 721.5f,
                           .cx = 609.5f,
                           .cy = 172.9f,
                           .x_m = 1.7f,
                           .z_m = 1.65f};
}

#endif
