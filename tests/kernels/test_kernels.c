/* The choice of a CPU level. */
#include <criterion/criterion.h>
#include <string.h>

#include "perception/kernels/hwc.h"
#include "perception/kernels/hwc8.h"
#include "perception/kernels/kernels_internal.h"

Test(kernels, cpu_words)
{
    unsigned mask;

    cr_assert(cpu_parse("c", &mask, NULL) == OK && mask == 0);
    cr_assert(cpu_parse("avx2", &mask, NULL) == OK && mask == CPU_AVX2);
    cr_assert(cpu_parse("avx512,vnni", &mask, NULL) == OK);
    cr_assert(mask == (CPU_AVX2 | CPU_AVX512 | CPU_VNNI));
    cr_assert(cpu_parse("native", &mask, NULL) == OK && mask == ~0u);
}

Test(kernels, a_wrong_cpu_word_is_named)
{
    const char *wrong[] = {"", "sse9", "avx2,", ",avx2", "avx2;c", "AVX2"};
    struct why why;
    unsigned mask;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert(cpu_parse(wrong[i], &mask, &why) == ERR_FORMAT, "%s", wrong[i]);
    cr_assert(cpu_parse("avx2,sse9", &mask, &why) == ERR_FORMAT);
    cr_assert(strstr(why.text, "'sse9'"));
}

Test(kernels, names_are_the_best_bit)
{
    cr_assert_str_eq(cpu_name(0), "c");
    cr_assert_str_eq(cpu_name(CPU_AVX2), "avx2");
    cr_assert_str_eq(cpu_name(CPU_AVX2 | CPU_AVX512), "avx512");
    cr_assert_str_eq(cpu_name(CPU_NEON), "neon");
}

/* A level never holds more than the machine has, and every entry is filled at every level. */
Test(kernels, tables_are_full_and_bounded)
{
    unsigned masks[] = {0, CPU_AVX2, CPU_AVX512, CPU_NEON, ~0u};

    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        struct kernels k;
        void (*const *entry)(void) = (void (*const *)(void))(const void *)&k.tile;
        void (*const *end)(void) = (void (*const *)(void))(const void *)(&k + 1);

        kernels_init(&k, masks[i]);
        cr_assert((k.cpu & ~cpu_detect()) == 0 && (k.cpu & ~masks[i]) == 0);
        for (; entry < end; entry++)
            cr_assert(*entry != NULL, "mask %#x: entry %td", masks[i],
                      entry - (void (*const *)(void))(const void *)&k.tile);
    }
}

static void wrong_tile(int rows, int K, const float *a, const float *b, size_t ldb, float *c,
                       size_t ldc, bool accumulate)
{
    tile_c(rows, K, a, b, ldb, c, ldc, accumulate);
    c[ldc * (size_t)(rows - 1) + TILE_COLS_C - 1] += 1;
}

static void wrong_taps(float *y, size_t n, int taps, const float *x, const int *at, const float *w,
                       int stride)
{
    taps_c(y, n, taps, x, at, w, stride);
    if (n == 33 && stride == 2)
        y[32] += 1;
}

static struct kernels right;

static void wrong_hwc_tile(const struct hwc_tile *t)
{
    right.hwc_tile(t);
    if (t->pixels == right.hwc_pixels && t->channels == right.hwc_channels - 1)
        t->y[t->channels - 1] += 1;
}

static void wrong_hwc_taps(const struct hwc_taps *t)
{
    right.hwc_taps(t);
    if (t->pixels == 3)
        t->y[2 * t->y_step] += 1;
}

static void wrong_hwc8_tile(const struct hwc8_tile *t)
{
    right.hwc8_tile(t);
    if (t->channels == right.hwc8_channels)
        t->finish.y[t->channels - 1] ^= 1;
}

static void wrong_hwc8_taps(const struct hwc8_taps *t)
{
    right.hwc8_taps(t);
    if (t->pixels > 8)
        t->finish.y[8 * t->finish.y_step] ^= 2;
}

static void wrong_hwc8_woven(const struct hwc8_woven *t)
{
    right.hwc8_woven(t);
    t->out[(t->pixels - 1) * HWC8_MAX_CHANNELS] += 1 << 12;
}

/* A level that computes something else is found out before it is used. */
Test(kernels, a_wrong_kernel_is_noticed)
{
    struct kernels k;

    kernels_init(&k, ~0u);
    cr_assert(kernels_agree(&k));
    cr_assert_eq(k.cpu, cpu_detect(), "a level of this machine failed its check");
    kernels_init(&k, 0);
    cr_assert(kernels_agree(&k));
    k.tile = wrong_tile;
    cr_assert_not(kernels_agree(&k));
    kernels_init(&k, 0);
    k.taps = wrong_taps;
    cr_assert_not(kernels_agree(&k));
    kernels_init(&right, 0);
    k = right;
    k.hwc_tile = wrong_hwc_tile;
    cr_assert_not(kernels_agree(&k));
    k = right;
    k.hwc_taps = wrong_hwc_taps;
    cr_assert_not(kernels_agree(&k));
    k = right;
    k.hwc8_tile = wrong_hwc8_tile;
    cr_assert_not(kernels_agree(&k));
    k = right;
    k.hwc8_taps = wrong_hwc8_taps;
    cr_assert_not(kernels_agree(&k));
    k = right;
    k.hwc8_weaves = 1;
    cr_assert(kernels_agree(&k));
    k.hwc8_woven = wrong_hwc8_woven;
    cr_assert_not(kernels_agree(&k));
}
