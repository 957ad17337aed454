/* The check of the camera's mount, on lines drawn through a pinhole by hand. */
#include "perception/track/mount.h"

#include <criterion/criterion.h>

static const double HEIGHT_M = 1.4, AHEAD_M = 1.5, DT_S = 0.1, SPEED_MPS = 20;

/* A straight line at y_m, running by slope, as a camera sees it that points lower by pitch and
 * farther left by yaw than stated; to first order. */
static struct lane_cubic line_seen(double y_m, double slope, double pitch, double yaw)
{
    struct lane_cubic k;
    double x = -AHEAD_M, at_camera = y_m - slope * x;

    lane_cubic_init(&k);
    k.c[1] = (slope - yaw + pitch * at_camera / HEIGHT_M) * CUBIC_SCALE_M;
    k.c[0] = at_camera + x * k.c[1] / CUBIC_SCALE_M;
    return k;
}

/* Drives for seconds, weaving by sway radians, and says when the alarm came; -1: never. */
static double drive(struct mount *m, double seconds, double pitch, double yaw, double sway)
{
    double offset = 0;

    for (int i = 0; i < seconds / DT_S; i++) {
        double heading = sway * sin(i * DT_S);
        struct lane_cubic left = line_seen(1.75 - offset, -heading, pitch, yaw);
        struct lane_cubic right = line_seen(-1.75 - offset, -heading, pitch, yaw);
        const struct mount_line side[2] = {{1, &left}, {2, &right}};

        mount_step(m, side, AHEAD_M, HEIGHT_M, SPEED_MPS, DT_S);
        offset += heading * SPEED_MPS * DT_S;
        if (m->status == MOUNT_MOVED)
            return i * DT_S;
    }
    return -1;
}

Test(mount, says_good_while_it_weaves_through_the_lane)
{
    struct mount m;

    mount_init(&m);
    cr_expect_eq(mount_state_of(&m).status, MOUNT_UNKNOWN);
    cr_expect_lt(drive(&m, 30, 0, 0, 0.04), 0);
    struct mount_state s = mount_state_of(&m);
    cr_expect_eq(s.status, MOUNT_GOOD);
    cr_expect_float_eq(s.pitch_rad, 0, 0.003, "%g", (double)s.pitch_rad);
    cr_expect_float_eq(s.yaw_rad, 0, 0.004, "%g", (double)s.yaw_rad);
}

Test(mount, finds_one_degree_of_pitch_and_two_of_yaw_within_seconds)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        struct mount m;

        mount_init(&m);
        double after = drive(&m, 10, sign * 0.0175, 0, 0.01);
        cr_expect(after > 0 && after < 4, "pitch: %g s", after);
        cr_expect_float_eq(mount_state_of(&m).pitch_rad, sign * 0.0175, 0.003);
        mount_init(&m);
        after = drive(&m, 10, 0, sign * 0.035, 0.01);
        cr_expect(after > 0 && after < 5, "yaw: %g s", after);
        cr_expect_float_eq(mount_state_of(&m).yaw_rad, sign * 0.035, 0.005);
    }
}

Test(mount, is_good_again_after_it_was_set_right)
{
    struct mount m;

    mount_init(&m);
    cr_expect_gt(drive(&m, 10, 0.02, 0, 0), 0);
    m.status = MOUNT_MOVED;
    drive(&m, 0.5, 0.02, 0, 0);
    cr_expect_eq(m.status, MOUNT_MOVED);
    for (int i = 0; i < 20; i++)
        drive(&m, 1, 0, 0, 0);
    cr_expect_eq(m.status, MOUNT_GOOD);
}

Test(mount, without_speed_yaw_stays_unknown_and_lines_far_apart_say_nothing)
{
    struct lane_cubic left = line_seen(4, 0, 0.03, 0), right = line_seen(-4, 0, 0.03, 0);
    const struct mount_line wide[2] = {{1, &left}, {2, &right}};
    struct mount m;

    mount_init(&m);
    for (int i = 0; i < 100; i++)
        mount_step(&m, wide, AHEAD_M, HEIGHT_M, NAN, DT_S);
    struct mount_state s = mount_state_of(&m);
    cr_expect_eq(s.status, MOUNT_UNKNOWN);
    cr_expect(isnan(s.pitch_rad) && isnan(s.yaw_rad));
}
