/* min / median / p99 of one step of the tracker with 64 and with 0 objects in sight. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "perception/track/tracker.h"

enum { FRAMES = 2000 };

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

/* Cars in rows over the road, swaying so that boxes overlap and never repeat. */
static int look(struct detection d[], int n, int frame)
{
    for (int i = 0; i < n; i++) {
        float h = 20 + 3 * (float)(i / 16), w = 1.3f * h;
        float x = 75 * (float)(i % 16) + 20 * sinf(0.1f * (float)frame + (float)i);
        float y = 180 + 20 * (float)(i / 16);

        d[i] = (struct detection){
            {x, y, x + w, y + h}, {1, 1, 1, 1}, 0.9f - 0.001f * (float)i, OBJECT_CAR};
    }
    return n;
}

static void measure(enum tracker_kind kind, const char *name, int n, const struct camera *camera)
{
    static double step_us[FRAMES], objects_us[FRAMES];
    static struct object object[SCENE_MAX_OBJECTS];
    struct detection d[TRACKER_MAX_DETECTIONS];
    static const char *const kinds[] = {
        [TRACKER_KALMAN] = "kalman", [TRACKER_RNN] = "rnn", [TRACKER_LSTM] = "lstm"};
    const struct tracker_options options = {.kind = kind, .cpu_mask = ~0u};
    struct tracker *t;
    struct why why;

    if (tracker_open(&options, &t, &why) != OK) {
        fprintf(stderr, "%s\n", why.text);
        exit(1);
    }
    for (int f = 0; f < FRAMES; f++) {
        int seen = look(d, n, f);
        double start = now_us();

        tracker_step(t, d, seen, camera, NULL, f * INT64_C(100000000));
        double middle = now_us();
        tracker_objects(t, object, SCENE_MAX_OBJECTS);
        step_us[f] = middle - start;
        objects_us[f] = now_us() - middle;
    }
    qsort(step_us, FRAMES, sizeof *step_us, by_size);
    qsort(objects_us, FRAMES, sizeof *objects_us, by_size);
    printf("tracker_step    %-6s %-28s %7.1f / %7.1f / %7.1f us\n", kinds[kind], name, step_us[0],
           step_us[FRAMES / 2], step_us[FRAMES * 99 / 100]);
    printf("tracker_objects %-6s %-28s %7.1f / %7.1f / %7.1f us\n", kinds[kind], name,
           objects_us[0], objects_us[FRAMES / 2], objects_us[FRAMES * 99 / 100]);
    tracker_close(t);
}

int main(void)
{
    struct camera camera = {.width = 1242,
                            .height = 375,
                            .model = CAMERA_PINHOLE,
                            .fx = 721.5f,
                            .fy = 721.5f,
                            .cx = 609.5f,
                            .cy = 172.9f,
                            .z_m = 1.65f};
    struct camera lens = camera, none = {0};

    lens.distortion[0] = -0.05f;
    lens.distortion[1] = 0.01f;
    for (enum tracker_kind k = TRACKER_KALMAN; k <= TRACKER_LSTM; k++) {
        measure(k, "64 objects", 64, &camera);
        measure(k, "64 objects, distorted lens", 64, &lens);
        measure(k, "64 objects, no calibration", 64, &none);
        measure(k, "no objects", 0, &camera);
    }
    return 0;
}
