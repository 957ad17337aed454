/* The loops that measure peaks: what they say they did. How long it took is for benchmarks. */
#include "perception/kernels/peak.h"
#include "tests/kernels/sweep.h"

Test(peak, counts_what_it_does)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);

    for (int i = 0; i < levels; i++) {
        struct kernels k;

        kernels_init(&k, masks[i]);
        double once = peak_fma(k.cpu, 1000), twice = peak_fma(k.cpu, 2000);

        cr_expect_gt(once, 1000);
        cr_expect_eq(twice, 2 * once);
        cr_expect_eq(peak_fma(k.cpu, 0), 0);
        if (k.cpu & CPU_VNNI)
            cr_expect_eq(peak_int8(k.cpu, 1000), 4 * once); /* four bytes in place of a float */
        else
            cr_expect_eq(peak_int8(k.cpu, 1000), 0);
    }
}
