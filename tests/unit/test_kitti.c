#include "sim/kitti.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const char text[] = "calib_time: 09-Jan-2012 13:57:47\n"
                           "S_02: 1.392000e+03 5.120000e+02\n"
                           "K_02: 9.5e+02 0 6.96e+02 0 9.4e+02 2.24e+02 0 0 1\n"
                           "D_02: -3.6e-01 1.9e-01 1.3e-03 5.7e-04 -6.7e-02\n"
                           "S_rect_02: 1.242000e+03 3.750000e+02\n"
                           "P_rect_02: 720 0 609.5 45 0 720 172.5 0.2 0 0 1 0.002\n"
                           "S_rect_03: 1.242000e+03 3.750000e+02\n"
                           "P_rect_03: 720 0 609.5\n"
                           "S_rect_01: 1.242000e+03 3.750000e+02\n"
                           "P_rect_01: -720 0 609.5 0 0 720 172.5 0 0 0 1 0\n";

Test(kitti, rectified_camera)
{
    struct camera c;
    struct why why;

    cr_assert_eq(kitti_camera(text, 2, true, &c, &why), OK, "%s", why.text);
    cr_assert(c.width == 1242 && c.height == 375 && c.model == CAMERA_PINHOLE);
    cr_assert(c.fx == 720 && c.fy == 720 && c.cx == 610 && c.cy == 173); /* corner, not centre */
    cr_assert_float_eq(c.y_m, 0.0625f, 1e-6f);
    cr_assert_float_eq(c.z_m, 1.65f, 1e-6f);
    cr_assert_float_eq(c.x_m, 1.03f, 1e-6f);
    cr_assert_eq(c.distortion[0], 0);
}

Test(kitti, camera_before_rectification)
{
    struct camera c;
    struct why why;

    cr_assert_eq(kitti_camera(text, 2, false, &c, &why), OK, "%s", why.text);
    cr_assert(c.width == 1392 && c.height == 512 && c.fx == 950 && c.fy == 940 && c.cy == 224.5f);
    cr_assert_float_eq(c.distortion[4], -0.067f, 1e-6f);
}

Test(kitti, broken_calibration)
{
    struct camera c;
    struct why why;

    cr_assert_eq(kitti_camera(text, 0, true, &c, &why), ERR_FORMAT);
    cr_assert(strstr(why.text, "no line S_rect_00:"), "%s", why.text);
    cr_assert_eq(kitti_camera(text, 3, true, &c, &why), ERR_FORMAT);
    cr_assert(strstr(why.text, "P_rect_03: has 3 numbers, must have 12"), "%s", why.text);
    cr_assert_eq(kitti_camera(text, 1, true, &c, &why), ERR_FORMAT);
    cr_assert(strstr(why.text, "focal length -720"), "%s", why.text);
}

Test(kitti, motion)
{
    struct ego e;
    struct why why;

    cr_assert_eq(kitti_ego("49 8.4 115 0.1 0.2 0.3 -3 -4 13.1 0.05 0.01 11 12 13 1.5 15 16 17 18 "
                           "19 20 21 -0.25 0.4 0.02 4 10 4 4 0\n",
                           &e, &why),
                 OK, "%s", why.text);
    cr_assert_float_eq(e.speed_mps, 13.1f, 1e-6f);
    cr_assert_float_eq(e.speed_sigma_mps, 0.02f, 1e-6f);
    cr_assert_float_eq(e.yaw_rate_radps, -0.25f, 1e-6f);
    cr_assert_float_eq(e.acceleration_mps2, 1.5f, 1e-6f);
    cr_assert(isnan(e.steering_angle_rad) && isnan(e.yaw_rate_sigma_radps));
    cr_assert_eq(kitti_ego("49 8.4 115\n", &e, &why), ERR_FORMAT);
    cr_assert(strstr(why.text, "3 numbers, must have 30"), "%s", why.text);
    cr_assert_eq(kitti_ego("nan 8.4 115\n", &e, &why), ERR_FORMAT);
    cr_assert_eq(kitti_ego("", &e, &why), ERR_FORMAT);
}
