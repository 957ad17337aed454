/* The check of the camera's mount, from sightings made up here. */
#include "perception/motion/mount.h"

#include <criterion/criterion.h>
#include <math.h>

#include "sim/world/random.h"

static const double DT_S = 0.1, SPEED_MPS = 20;
static const struct camera camera = {.width = 640, .height = 384, .z_m = 1.4f};
static struct random r;

/* Drives for seconds; the body nods by `nod` once a second and comes back. Returns when the alarm
 * came; -1: it did not. */
static double drive(struct mount *m, double seconds, double pitch, double yaw, double nod)
{
    double before = 0;

    for (int i = 0; i < seconds / DT_S; i++) {
        double now = nod * sin(2 * M_PI * i * DT_S), slip = 0.01 * sin(0.7 * i * DT_S);
        struct ego_seen seen = {.dt_s = DT_S,
                                .speed_known = true,
                                .turn_known = true,
                                .speed_mps = SPEED_MPS,
                                .nod_rad = now - before + random_normal(&r, 0.0005),
                                .yaw_rad = yaw + slip + random_normal(&r, 0.003),
                                .yaw_sigma_rad = 0.003,
                                .pitch_rad = pitch + before + random_normal(&r, 0.002),
                                .pitch_sigma_rad = 0.002};

        mount_predict(m, DT_S);
        mount_update(m, &seen);
        before = now;
        if (m->status == MOUNT_MOVED)
            return i * DT_S;
    }
    return -1;
}

Test(mount, says_good_while_the_body_nods_and_the_car_weaves)
{
    struct mount m;

    random_seed(&r, 1, 0);
    mount_init(&m, &camera);
    cr_expect_eq(mount_state_of(&m).status, MOUNT_UNKNOWN);
    cr_expect_lt(drive(&m, 60, 0, 0, 0.008), 0);
    struct mount_state s = mount_state_of(&m);
    cr_expect_eq(s.status, MOUNT_GOOD);
    cr_expect_float_eq(s.pitch_rad, 0, 0.003, "%g", (double)s.pitch_rad);
    cr_expect_float_eq(s.yaw_rad, 0, 0.005, "%g", (double)s.yaw_rad);
}

Test(mount, finds_one_degree_of_pitch_and_two_of_yaw_within_seconds)
{
    random_seed(&r, 2, 0);
    for (int sign = -1; sign <= 1; sign += 2) {
        struct mount m;

        mount_init(&m, &camera);
        double after = drive(&m, 20, sign * 0.0175, 0, 0.003);
        cr_expect(after > 0 && after < 6, "pitch: %g s", after);
        cr_expect_float_eq(mount_state_of(&m).pitch_rad, sign * 0.0175, 0.007, "%g",
                           (double)mount_state_of(&m).pitch_rad);
        mount_init(&m, &camera);
        after = drive(&m, 20, 0, sign * 0.035, 0.003);
        cr_expect(after > 0 && after < 6, "yaw: %g s", after);
        cr_expect_float_eq(mount_state_of(&m).yaw_rad, sign * 0.035, 0.01, "%g",
                           (double)mount_state_of(&m).yaw_rad);
    }
}

Test(mount, what_comes_back_is_nod_and_what_stays_is_the_mount)
{
    struct mount m;
    double sigma;

    random_seed(&r, 3, 0);
    mount_init(&m, &camera);
    drive(&m, 20, 0, 0, 0);
    for (int i = 0; i < 8; i++) { /* the nose dives within 0.8 s */
        struct ego_seen seen = {.dt_s = DT_S, .turn_known = true, .nod_rad = 0.0015};

        mount_predict(&m, DT_S);
        mount_update(&m, &seen);
    }
    cr_expect_gt(mount_dip(&m, &sigma), 0.007, "%g", mount_dip(&m, &sigma));
    cr_expect_float_eq(m.pitch, 0, 0.003, "%g", m.pitch);
}

Test(mount, says_nothing_slowly_or_before_40_m)
{
    struct mount m;
    struct ego_seen seen = {.dt_s = DT_S,
                            .speed_known = true,
                            .turn_known = true,
                            .speed_mps = 1,
                            .yaw_rad = 0.1,
                            .yaw_sigma_rad = 0.001,
                            .pitch_sigma_rad = INFINITY};

    mount_init(&m, &camera);
    for (int i = 0; i < 1000; i++)
        mount_update(&m, &seen);
    cr_expect_eq(mount_state_of(&m).status, MOUNT_UNKNOWN);
    cr_expect(isnan(mount_state_of(&m).yaw_rad));
    random_seed(&r, 4, 0);
    mount_init(&m, &camera);
    drive(&m, 1.8, 0.03, 0.03, 0);
    cr_expect_eq(mount_state_of(&m).status, MOUNT_UNKNOWN);
}
