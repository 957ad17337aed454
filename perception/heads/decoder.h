/* Inside of heads/: what heads.c asks of each family of models. One file a family defines one
 * `const struct head_decoder head_NAME`; the table in heads.c lists them. Not for other folders. */
#ifndef OUTRIDER_HEADS_DECODER_H
#define OUTRIDER_HEADS_DECODER_H

#include <math.h>

#include "perception/heads/head.h"
#include "perception/image/resize.h"
#include "perception/nn/tensor.h"

enum { HEAD_MAX_TENSORS = 16 }; /* inputs, outputs of a network; outputs beyond are not looked at */

/* The tensors of a network, in the order of its graph. Addresses stay the same while it is open.
 * All inputs are float32. Decoders read outputs that they have recognised only. */
struct head_io {
    int n_inputs, n_outputs;
    struct tensor *input[HEAD_MAX_TENSORS];
    const struct tensor *output[HEAD_MAX_TENSORS];
    int picture;         /* the input that takes the picture: (1, 3, H, W) */
    const char *classes; /* metadata "outrider.classes": names with commas, NULL if absent */
};

struct head_limits {
    float score_min, nms_iou; /* the caller's, or the decoder's own where he gave none */
};

struct head_decoder {
    const char *name;          /* "ssd", as in configuration and metadata */
    unsigned gives;            /* HEAD_... bits */
    struct input_spec input;   /* how the picture becomes io->input[io->picture] */
    struct head_limits limits; /* defaults */

    /* Do the shapes of inputs and outputs (and names, where shapes are ambiguous) look like this
     * family? Must be false for those of the others. */
    bool (*recognise)(const struct head_io *io);

    /* Check every shape that decode relies on, fill the inputs beside the picture (they stay), and
     * reserve what decode needs. recognise() may have said false, when the caller named the
     * decoder: then ERR_MISMATCH, and why names the tensor and the shape that was expected. */
    enum err (*open)(const struct head_io *io, const struct head_limits *limits, void **state,
                     struct why *why);

    /* The outputs of one run -> out, which comes empty. fit maps input px to picture px. */
    void (*decode)(void *state, const struct head_io *io, const struct fit *fit,
                   struct perceived *out);

    void (*close)(void *state); /* NULL is fine */
};

extern const struct head_decoder head_outrider, head_ssd, head_yolox, head_fastestdet, head_lstr,
    head_lane_masks;

/* Is t float32 with this shape? -1 stands for any length. */
bool tensor_is(const struct tensor *t, int rank, const int64_t *dim);
#define TENSOR_IS(t, ...)                                                                          \
    tensor_is(t, (int)(sizeof(int64_t[]){__VA_ARGS__} / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

static inline const float *tensor_f32(const struct tensor *t)
{
    return t->data;
}

static inline float head_sigmoid(float v)
{
    return 1 / (1 + expf(-v));
}

/* How many of a mask's n rows or columns show the picture, which covers part of all the input's. */
static inline int head_covered(int64_t n, int part, int all)
{
    return (int)((n * part + all - 1) / all);
}

/* The output of that name; NULL if there is none. */
const struct tensor *head_output(const struct head_io *io, const char *name);

/* ERR_MISMATCH with "decoder 'lstr' expects EXPECTED; the model gives NAME (1, 7, 2), ...". */
enum err head_mismatch(const struct head_io *io, const char *decoder, const char *expected,
                       struct why *why);

/* Column of class scores -> class of ours, -1 for those that are left out. */
enum { CLASS_MAP_MAX = 128, COCO_CLASSES = 80 };
struct class_map {
    int n;
    int class[CLASS_MAP_MAX]; /* enum object_class or -1 */
};
/* From names with commas, "-" for one to leave out; there must be n of them. */
MUST_CHECK enum err class_map_parse(const char *list, int n, struct class_map *map,
                                    struct why *why);
/* From list, or COCO's road classes where list is NULL and n is COCO's 80. */
MUST_CHECK enum err class_map_coco(const char *list, int n, struct class_map *map, struct why *why);

#endif
