/* Frames of the simulated camera, by scenario: median and p99 of their time, processor's time, and
 * frames/s. bench_render [FRAMES [SCENARIO...]] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim/render/render.h"
#include "sim/stage.h"
#include "sim/world/scenario.h"

enum { MOST_FRAMES = 2000, WIDTH = 640, HEIGHT = 384, WARM_UP = 5 };
static const double STEP_S = 0.05;

static double clock_ms(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void require(enum err e, const char *what, const struct why *why)
{
    if (e == OK)
        return;
    fprintf(stderr, "%s: %s\n", what, why->text);
    exit(1);
}

static void frames(struct world *w, struct render *r, int n, double *wall, double *cpu)
{
    struct rendered picture;
    struct why why = {""};

    for (int i = -WARM_UP; i < n; i++) {
        world_step(w, STEP_S, NULL);
        double begun = clock_ms(CLOCK_MONOTONIC), used = clock_ms(CLOCK_PROCESS_CPUTIME_ID);

        require(render_frame(r, w, &picture, &why), "frame", &why);
        if (i < 0)
            continue;
        wall[i] = clock_ms(CLOCK_MONOTONIC) - begun;
        cpu[i] = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - used;
    }
    qsort(wall, (size_t)n, sizeof *wall, by_size);
    qsort(cpu, (size_t)n, sizeof *cpu, by_size);
}

static void measure(const char *name, int n)
{
    static double wall[MOST_FRAMES], cpu[MOST_FRAMES];
    const struct camera camera = stage_camera(WIDTH, HEIGHT);
    const struct render_options o = {.shadows = true, .quality = 1, .seed = 1};
    struct scenario *scenario;
    struct world *w;
    struct render *r;
    struct why why = {""};

    require(scenario_open(name, &scenario, &why), name, &why);
    require(world_open(scenario, 1, &w, &why), name, &why);
    require(render_open(w, &camera, &o, &r, &why), name, &why);
    frames(w, r, n, wall, cpu);
    printf("%-14s %4d actors  %6.1f ms  p99 %6.1f  processor %6.1f ms  %5.1f frames/s\n", name,
           w->n_actors, wall[n / 2], wall[n * 99 / 100], cpu[n / 2], 1e3 / wall[n / 2]);
    render_close(r);
    world_close(w);
    scenario_close(scenario);
}

int main(int argc, char **argv)
{
    static const char *usual[] = {"empty_road",          "lane_change", "traffic_jam",
                                  "crossing_pedestrian", "curve",       "tunnel",
                                  "rain_at_night"};
    int n = argc > 1 ? atoi(argv[1]) : 100;

    n = n < 1 ? 1 : n > MOST_FRAMES ? MOST_FRAMES : n;
    for (int i = 2; i < argc; i++)
        measure(argv[i], n);
    for (size_t i = 0; argc <= 2 && i < sizeof usual / sizeof *usual; i++)
        measure(usual[i], n);
    return 0;
}
