/* What this machine can do, and the table filled accordingly. */
#include "perception/kernels/kernels.h"

#include <string.h>

#include "perception/kernels/kernels_internal.h"

static const struct {
    const char *name;
    unsigned bit, implies;
} levels[] = {
    {"avx2", CPU_AVX2, 0},
    {"avx512", CPU_AVX512, CPU_AVX2},
    {"vnni", CPU_VNNI, CPU_AVX512 | CPU_AVX2},
    {"neon", CPU_NEON, 0},
};
enum { LEVELS = sizeof levels / sizeof levels[0] };

unsigned cpu_detect(void)
{
    unsigned cpu = 0;

#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        cpu |= CPU_AVX2;
    if ((cpu & CPU_AVX2) && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        cpu |= CPU_AVX512;
    if ((cpu & CPU_AVX512) && __builtin_cpu_supports("avx512vnni"))
        cpu |= CPU_VNNI;
#elif defined(__aarch64__)
    cpu |= CPU_NEON;
#endif
    return cpu;
}

const char *cpu_name(unsigned cpu)
{
    for (int i = LEVELS - 1; i >= 0; i--)
        if (cpu & levels[i].bit)
            return levels[i].name;
    return "c";
}

/* The bits of one word; false if it is none of ours. */
static bool parse_word(const char *word, size_t n, unsigned *mask)
{
    if (n == 1 && word[0] == 'c')
        return true;
    if (n == 6 && memcmp(word, "native", 6) == 0) {
        *mask |= ~0u;
        return true;
    }
    for (int i = 0; i < LEVELS; i++)
        if (strlen(levels[i].name) == n && memcmp(levels[i].name, word, n) == 0) {
            *mask |= levels[i].bit | levels[i].implies;
            return true;
        }
    return false;
}

enum err cpu_parse(const char *text, unsigned *mask, struct why *why)
{
    *mask = 0;
    for (const char *word = text;;) {
        size_t n = strcspn(word, ",");

        if (!parse_word(word, n, mask))
            return err_say(why, ERR_FORMAT,
                           "cpu level '%.*s' is not one of c, avx2, avx512, vnni, neon, native",
                           n > 40 ? 40 : (int)n, word);
        if (word[n] == '\0')
            return OK;
        word += n + 1;
    }
}

void kernels_init(struct kernels *k, unsigned cpu_mask)
{
    unsigned cpu = cpu_mask & cpu_detect();

    *k = (struct kernels){
        .tile_rows = TILE_ROWS_C, .tile_cols = TILE_COLS_C, .tile = tile_c, .taps = taps_c};
    rows_fill_c(k);
    hwc_fill_c(k);
    winograd_fill_c(k);
    softmax_fill_c(k);
    hwc8_fill_c(k);
    bytes_fill_c(k);
    woven8_fill_c(k);
#if defined(__x86_64__)
    if (cpu & CPU_AVX2) {
        rows_fill_avx2(k);
        gemm_fill_avx2(k);
        depthwise_fill_avx2(k);
        hwc_fill_avx2(k);
        winograd_fill_avx2(k);
        softmax_fill_avx2(k);
        hwc8_fill_avx2(k);
        bytes_fill_avx2(k);
        transpose_fill_avx2(k);
    }
    if (cpu & CPU_AVX512) {
        rows_fill_avx512(k);
        transpose_fill_avx2(k); /* 16 x 16 would gain little */
        gemm_fill_avx512(k);
        depthwise_fill_avx512(k);
        hwc_fill_avx512(k);
        winograd_fill_avx512(k);
        softmax_fill_avx512(k);
        bytes_fill_avx512(k);
    }
    if (cpu & CPU_VNNI) {
        hwc8_fill_vnni(k);
        woven8_fill_vnni(k);
    }
#elif defined(__aarch64__)
    if (cpu & CPU_NEON) {
        hwc_fill_neon(k);
        winograd_fill_neon(k);
        softmax_fill_neon(k);
        hwc8_fill_neon(k);
    }
#endif
    k->cpu = cpu;
    /* Never silently wrong: a level that does not compute right here is not used. */
    if (cpu && !kernels_agree(k))
        kernels_init(k, cpu & (CPU_AVX512 | CPU_VNNI) ? CPU_AVX2 : 0);
}
