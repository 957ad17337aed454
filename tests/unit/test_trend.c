#include "perception/track/trend.h"

#include <criterion/criterion.h>
#include <math.h>

/* A straight line is found whatever it starts from, at any rate of frames. */
Test(trend, a_line_has_its_slope)
{
    for (float dt = 0.03f; dt < 0.3f; dt *= 2) {
        struct trend d = {0};

        for (int i = 0; i < 100; i++) {
            trend_pass(&d, dt, 1);
            trend_add(&d, 3 - 0.7f * dt * (float)i);
        }
        cr_expect_float_eq(trend_slope(&d), -0.7, 0.05, "%g at %g", trend_slope(&d), dt);
    }
}

Test(trend, few_readings_say_little)
{
    struct trend d = {0};

    cr_expect_eq(trend_slope(&d), 0);
    trend_add(&d, 5);
    cr_expect_eq(trend_slope(&d), 0);
    trend_pass(&d, 0.03f, 1);
    trend_add(&d, 6);
    cr_expect(fabsf(trend_slope(&d)) < 1, "%g", trend_slope(&d)); /* not 33 */
}

/* What was long ago is forgotten, and no reading is needed for it. */
Test(trend, forgets)
{
    struct trend d = {0};

    for (int i = 0; i < 50; i++) {
        trend_pass(&d, 0.1f, 1);
        trend_add(&d, (float)i);
    }
    for (int i = 0; i < 100; i++) {
        trend_pass(&d, 0.1f, 1);
        trend_add(&d, 0);
    }
    cr_expect_lt(fabsf(trend_slope(&d)), 0.5f);
    trend_pass(&d, 100, 1);
    cr_expect(isfinite(trend_slope(&d)));
}
