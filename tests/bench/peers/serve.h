/* The commands of `outrider nn bench --interactive`, for peers written in C: load, run N, outputs.
 */
#ifndef OUTRIDER_BENCH_SERVE_H
#define OUTRIDER_BENCH_SERVE_H

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* load and run are timed; they return NULL, or why the library refused. print_outputs prints the
 * mean absolute value of every output of the last run. */
struct peer {
    const char *(*load)(void);
    const char *(*run)(void);
    void (*print_outputs)(void);
};

static inline float *floats(size_t n)
{
    float *p = aligned_alloc(64, (n * sizeof *p + 63) / 64 * 64);

    if (!p)
        exit(1);
    memset(p, 0, n * sizeof *p);
    return p;
}

static inline void print_mean(const float *y, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += fabsf(y[i]);
    printf("%.9g ", sum / (double)n);
}

/* Do it and print the time it took, ns. */
static inline const char *print_time(const char *(*what)(void))
{
    struct timespec a, b;
    const char *refused;

    clock_gettime(CLOCK_MONOTONIC, &a);
    refused = what();
    clock_gettime(CLOCK_MONOTONIC, &b);
    if (!refused)
        printf("%" PRId64 " ", (int64_t)(b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec);
    return refused;
}

static inline int serve(const struct peer *p)
{
    char line[64];

    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        const char *refused = NULL;
        int runs = 0;

        if (!strcmp(line, "load\n"))
            refused = print_time(p->load);
        else if (!strcmp(line, "outputs\n"))
            p->print_outputs();
        else if (sscanf(line, "run %d", &runs) == 1)
            while (!refused && runs-- > 0)
                refused = print_time(p->run);
        else
            refused = "no such command";
        if (refused)
            printf("error %s", refused);
        printf("\n");
        fflush(stdout);
    }
    return 0;
}

#endif
