/* Frames and objects a second of sim/tracks.h, on one core; opening a world. */
#include <stdio.h>
#include <time.h>

#include "sim/tracks.h"

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int measure(const char *scenario, int worlds, int frames)
{
    struct tracks_options o = {.worlds = worlds,
                               .dt = 0.1,
                               .seed = 1,
                               .scenario = scenario,
                               .camera = TRACKS_CAMERA,
                               .detector = TRACKS_DETECTOR};
    static struct tracks_frame f;
    struct tracks *t;
    struct why why;
    double begin = now_s();
    long objects = 0, found = 0;

    if (tracks_open(&o, &t, &why) != OK) {
        fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    double opened = now_s();
    for (int i = 0; i < frames; i++) {
        if (tracks_next(t, &f, &why) != OK) {
            fprintf(stderr, "%s\n", why.text);
            return 1;
        }
        objects += f.n_objects;
        for (int k = 0; k < f.n_objects; k++)
            found += f.object[k].detected;
    }
    double s = now_s() - opened;
    printf(
        "tracks %-14s %8.0f frames/s %8.0f objects/s (%.1f a frame, %.0f %% found), open %.1f ms\n",
        scenario, frames / s, (double)objects / s, (double)objects / frames,
        100.0 * (double)found / (double)objects, 1e3 * (opened - begin) / worlds);
    tracks_close(t);
    return 0;
}

int main(void)
{
    return measure("random", 16, 20000) + measure("rain_at_night", 16, 20000) +
           measure("cut_in", 16, 20000) + measure("traffic_jam", 8, 5000);
}
