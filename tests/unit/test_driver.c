/* The driver against a car that moves by the same bicycle, told the truth. */
#include "sim/driver.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const struct ego_car car = {.wheelbase = 2.8, .length = 4.5, .rear_overhang = 0.9};

static struct lanes_message lanes(double offset, double heading, double curvature)
{
    return (struct lanes_message){.header.qualifier = QUALIFIER_AVAILABLE,
                                  .ego_lane = {.offset_m = (float)offset,
                                               .heading_rad = (float)heading,
                                               .curvature_1pm = (float)curvature}};
}

static struct objects_message objects(bool lead, double x, double v)
{
    static struct objects_message m;

    m = (struct objects_message){.header.qualifier = QUALIFIER_AVAILABLE, .n_objects = lead};
    object_clear(&m.object[0]);
    m.object[0].is_lead = true;
    m.object[0].x_m = (float)x;
    m.object[0].vx_mps = (float)v;
    return m;
}

Test(driver, comes_to_the_middle_of_a_bend)
{
    const double curvature = 1 / 300.0, dt = 0.1;
    double e = 1.2, heading = 0.03, v = 20, steer = 0, worst = 0;
    struct driver d;

    driver_init(&d, &car);
    for (int i = 0; i < 300; i++) {
        struct lanes_message l = lanes(e, heading, curvature);
        struct objects_message o = objects(false, 0, 0);

        driver_hear_lanes(&d, &l, i * dt);
        driver_hear_objects(&d, &o, i * dt);
        struct drive_command c = driver_command(&d, i * dt, v, 20);
        for (int k = 0; k < 10; k++) { /* steers a frame later, as a car does */
            e += v * sin(heading) * dt / 10;
            heading += (v * tan(steer) / car.wheelbase - v * curvature) * dt / 10;
        }
        steer = c.steer;
        if (i > 80)
            worst = fmax(worst, fabs(e));
    }
    cr_expect(worst < 0.05, "%g m after 8 s", worst);
}

Test(driver, stops_behind_a_stopped_lead_and_follows_a_moving_one)
{
    const double dt = 0.1;
    double gap_stopped = 0;

    for (int moving = 0; moving < 2; moving++) {
        double v = 20, x = 0, lead = 120, lead_v = moving ? 12 : 0;
        struct driver d;

        driver_init(&d, &car);
        for (int i = 0; i < 600; i++) {
            struct lanes_message l = lanes(0, 0, 0);
            struct objects_message o = objects(true, lead - x, lead_v - v);

            driver_hear_lanes(&d, &l, i * dt);
            driver_hear_objects(&d, &o, i * dt);
            v = fmax(v + dt * driver_command(&d, i * dt, v, 25).acceleration, 0);
            x += v * dt;
            lead += lead_v * dt;
            cr_assert(lead - x > 3.6 + 1, "too near at %g s", i * dt);
        }
        gap_stopped = lead - x - 3.6;
        cr_expect_float_eq(v, lead_v, 0.2, "%g", v);
        cr_expect(gap_stopped < (moving ? 30 : 8), "%g m", gap_stopped);
    }
}

Test(driver, without_lanes_it_stops)
{
    struct lanes_message l = lanes(0, 0, 0.01);
    struct objects_message o = objects(false, 0, 0);
    struct driver d;

    driver_init(&d, &car);
    cr_expect_lt(driver_command(&d, 0, 10, 20).acceleration, -1, "never heard anything");
    driver_hear_lanes(&d, &l, 1);
    driver_hear_objects(&d, &o, 1);
    cr_expect_gt(driver_command(&d, 1.5, 10, 20).acceleration, 0);
    l.header.qualifier = QUALIFIER_NOT_AVAILABLE;
    l.ego_lane.offset_m = 5;
    driver_hear_lanes(&d, &l, 2);
    cr_expect_eq(d.offset, 0, "numbers that must not be used");
    driver_hear_objects(&d, &o, 2.4);
    struct drive_command c = driver_command(&d, 2.5, 10, 20);
    cr_expect_eq(c.acceleration, -2);
    cr_expect_float_eq(c.steer, atan(2.8 * 0.01), 1e-6, "on in the same arc");
    cr_expect_eq(driver_command(&d, 9, 0, 20).acceleration, 0, "does not roll back");
}

Test(driver, brakes_for_one_who_comes_into_our_way_and_says_so)
{
    struct lanes_message l = lanes(0, 0, 0);
    struct objects_message o = objects(true, 25, 0);
    struct object *walker = &o.object[0];
    struct driver d;

    driver_init(&d, &car);
    driver_hear_lanes(&d, &l, 0);
    walker->is_lead = false;
    walker->id = 7;
    walker->y_m = -4;
    walker->vx_mps = -12;
    walker->vy_mps = 1.5f;
    walker->covariance[15] = 0.3f * 0.3f;
    for (int i = 0; i < SCENE_PATH_POINTS; i++) {
        float t = 0.5f * (float)(i + 1);
        walker->path[i] = (struct path_point){t, 25 - 12 * t, -4 + 1.5f * t, 0.5f, 0.5f};
    }
    walker->n_path = SCENE_PATH_POINTS;
    driver_hear_objects(&d, &o, 0);
    cr_expect_lt(driver_command(&d, 0, 12, 14).acceleration, -3);
    cr_expect(strstr(d.reason, "comes into our way: 7"), "'%s'", d.reason);

    walker->vy_mps = -1.5f; /* leaves */
    for (int i = 0; i < SCENE_PATH_POINTS; i++)
        walker->path[i].y_m = -4 - 1.5f * walker->path[i].t_s;
    driver_hear_objects(&d, &o, 0.1);
    cr_expect_gt(driver_command(&d, 0.1, 12, 14).acceleration, 0);
    cr_expect_str_empty(d.reason);
}
