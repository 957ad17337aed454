/* A frame costs time, not memory: every call of ours that would allocate is counted (the linker
 * sends malloc and its kin here), and frames must make none. */
#include "perception/perception.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/models.h"

/* A sanitizer makes each frame many times as slow. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { FRAMES = 4 };
#else
enum { FRAMES = 100 };
#endif

static atomic_int calls;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);

void *__wrap_malloc(size_t n)
{
    atomic_fetch_add(&calls, 1);
    return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    atomic_fetch_add(&calls, 1);
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    atomic_fetch_add(&calls, 1);
    return __real_realloc(p, n);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
    atomic_fetch_add(&calls, 1);
    return __real_aligned_alloc(align, n);
}

static struct scene scene;

/* The picture moves a pixel to the side with every frame, so that none is frozen. */
static int run_frames(struct perception *p, const struct image *whole, int frames, int64_t *t_ns)
{
    struct why why;
    int objects = 0;

    for (int i = 0; i < frames; i++) {
        struct image im = *whole;

        im.data += 3 * (i % 16);
        im.width -= 16;
        *t_ns += 50000000;
        cr_assert_eq(perception_run(p, &im, *t_ns, NULL, &scene, &why), OK, "%s", why.text);
        objects += scene.n_objects;
    }
    return objects;
}

Test(noalloc, frames_take_no_memory)
{
    struct perception_config cfg = {.n_networks = 2, .tracker = TRACKER_LSTM};
    static const char *const model[2] = {"vehicle-detection-adas-0002", "twinlitenet"};
    struct perception *p;
    struct pool *pool;
    int64_t t_ns = 0;
    struct why why;

    need_shared();
    struct image im = jpeg_read(shared_path("models/frame.jpg"));
    cr_assert_eq(pool_open(2, &pool), OK);
    for (int i = 0; i < 2; i++)
        cfg.network[i] =
            (struct head_config){.model = shared_path("models/%s/model.onnx", model[i]),
                                 .score_min = NAN,
                                 .nms_iou = NAN,
                                 .cpu_mask = ~0u,
                                 .pool = pool};
    cfg.camera = (struct camera){.width = im.width - 16,
                                 .height = im.height,
                                 .model = CAMERA_PINHOLE,
                                 .fx = (float)im.width,
                                 .fy = (float)im.width,
                                 .cx = (float)im.width / 2,
                                 .cy = (float)im.height / 2,
                                 .z_m = 1.5f};
    atomic_store(&calls, 0);
    cr_assert_eq(perception_open(&cfg, &p, &why), OK, "%s", why.text);
    cr_assert_gt(atomic_load(&calls), 0, "the linker does not send malloc here");
    atomic_store(&calls, 0);
    int objects = run_frames(p, &im, FRAMES, &t_ns);
    cr_assert_eq(atomic_load(&calls), 0, "%d allocations", atomic_load(&calls));
    cr_assert_gt(objects, 0, "nothing was seen, so nothing was tried");
    perception_close(p);
    pool_close(pool);
    free(im.data);
}
