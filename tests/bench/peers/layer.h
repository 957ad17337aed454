/* One convolution for peers that are libraries of layers. Named by one argument,
 *   C,M,H,W,kernel,stride,dilation,groups,transposed
 * with pads of (kernel - 1) dilation / 2 on every side, none if transposed; no bias. Input and
 * weights are patterns over their places in ONNX's order, so that all peers compute the same. */
#ifndef OUTRIDER_BENCH_LAYER_H
#define OUTRIDER_BENCH_LAYER_H

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct layer {
    int C, M, H, W, kernel, stride, dilation, groups, transposed;
    int pad, OH, OW;
};

static inline struct layer layer_read(int argc, char **argv)
{
    struct layer l = {0};

    if (argc != 2 || sscanf(argv[1], "%d,%d,%d,%d,%d,%d,%d,%d,%d", &l.C, &l.M, &l.H, &l.W,
                            &l.kernel, &l.stride, &l.dilation, &l.groups, &l.transposed) != 9) {
        fprintf(stderr, "usage: %s C,M,H,W,kernel,stride,dilation,groups,transposed\n", argv[0]);
        exit(2);
    }
    l.pad = l.transposed ? 0 : (l.kernel - 1) * l.dilation / 2;
    if (l.transposed) {
        l.OH = (l.H - 1) * l.stride + l.kernel;
        l.OW = (l.W - 1) * l.stride + l.kernel;
    } else {
        l.OH = (l.H + 2 * l.pad - (l.kernel - 1) * l.dilation - 1) / l.stride + 1;
        l.OW = (l.W + 2 * l.pad - (l.kernel - 1) * l.dilation - 1) / l.stride + 1;
    }
    return l;
}

/* Number i of the input, of the weights. */
static inline float layer_x(size_t i)
{
    return (float)(i * 7919 % 256) / 255;
}

static inline float layer_w(size_t i)
{
    return layer_x(i) - 0.5f;
}

static inline float *floats(size_t n)
{
    float *p = aligned_alloc(64, (n * sizeof *p + 63) / 64 * 64);

    if (!p)
        exit(1);
    memset(p, 0, n * sizeof *p);
    return p;
}

static inline int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The commands of `outrider nn bench --interactive`. load and run say false if the library refuses;
 * y: n numbers that the last run left. */
static inline int serve(int (*load)(void), int (*run)(void), const float *y, size_t n)
{
    char line[64];

    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        int runs = 0, fine = 1;
        int64_t start = now_ns();
        double sum = 0;

        if (!strcmp(line, "load\n") && (fine = load()))
            printf("%" PRId64, now_ns() - start);
        if (sscanf(line, "run %d", &runs) == 1)
            for (int i = 0; fine && i < runs; i++) {
                start = now_ns();
                if ((fine = run()))
                    printf("%s%" PRId64, i ? " " : "", now_ns() - start);
            }
        if (!strcmp(line, "outputs\n")) {
            for (size_t i = 0; i < n; i++)
                sum += fabsf(y[i]);
            printf("%.9g", sum / (double)n);
        }
        printf("%s\n", fine ? "" : "error the library refused");
        fflush(stdout);
    }
    return 0;
}

#endif
