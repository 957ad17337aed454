/* min / median / p99 of one step of the tracker of lanes, with its scene, for eight boundaries and for none. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "perception/track/lanes.h"

enum { FRAMES = 2000 };

static const struct camera camera = {.width = 640,
                                     .height = 384,
                                     .model = CAMERA_PINHOLE,
                                     .fx = 544,
                                     .fy = 544,
                                     .cx = 320,
                                     .cy = 192,
                                     .x_m = 1.6f,
                                     .z_m = 1.4f};

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Lines 3.5 m apart on a road that bends this way and that. */
static void look(struct lane_curve *c, int n, int frame)
{
    for (int i = 0; i < n; i++) {
        float side = 3.5f * ((float)i - 3.5f), bend = 0.0005f * sinf(0.02f * (float)frame);

        c[i] = (struct lane_curve){.score = 0.9f, .kind = LANE_LINE};
        for (int k = 0; k < 23; k++) {
            float x = 6 * expf(0.1f * (float)k);
            const float p[3] = {x, side + bend * x * x, 0};
            float px[2];

            if (!camera_project(&camera, p, px))
                continue;
            c[i].point[c[i].n].x = px[0];
            c[i].point[c[i].n].y = px[1];
            c[i].point[c[i].n].sigma_x = 2;
            c[i].point[c[i].n++].seen = 1;
        }
    }
}

static void measure(enum tracker_kind kind, const char *name, int n)
{
    static double us[FRAMES];
    static struct lane_curve curve[HEAD_MAX_CURVES];
    static struct scene scene;
    const struct lanes_options o = {.kind = kind, .cpu_mask = ~0u};
    struct lanes *l;
    struct why why;

    if (lanes_open(&o, &l, &why) != OK) {
        fprintf(stderr, "%s\n", why.text);
        exit(1);
    }
    for (int f = 0; f < FRAMES; f++) {
        look(curve, n, f);
        double start = now_us();
        lanes_step(l, curve, n, &camera, camera.width, 20, 0.01f, f * INT64_C(100000000));
        lanes_scene(l, &scene);
        us[f] = now_us() - start;
    }
    qsort(us, FRAMES, sizeof *us, by_size);
    printf("lanes_step %-6s %d boundaries %7.1f / %7.1f / %7.1f us\n", name, n, us[0],
           us[FRAMES / 2], us[FRAMES * 99 / 100]);
    lanes_close(l);
}

int main(void)
{
    static const char *const name[] = {
        [TRACKER_KALMAN] = "kalman", [TRACKER_RNN] = "rnn", [TRACKER_LSTM] = "lstm"};

    for (enum tracker_kind k = TRACKER_KALMAN; k <= TRACKER_LSTM; k++) {
        measure(k, name[k], 8);
        measure(k, name[k], 0);
    }
    return 0;
}
