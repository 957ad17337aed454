#include "tests/models.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <unistd.h>

#include "onnx/onnx.pb-c.h"

const char *shared_path(const char *fmt, ...)
{
    static char path[4][512];
    static int turn;
    const char *top = getenv("OUTRIDER_SHARED");
    char what[400];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%.100s/%s", top ? top : "../shared", what);
    return path[turn];
}

void need_shared(void)
{
    if (access(shared_path("models/frame.jpg"), R_OK))
        cr_skip_test("no models and data: set OUTRIDER_SHARED");
}

static unsigned char *file_read(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    unsigned char *bytes;

    cr_assert_not_null(f, "%s", path);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    bytes = malloc(*n);
    cr_assert_eq(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}

struct tensor *golden_tensor(const char *model, const char *file)
{
    size_t n;
    unsigned char *bytes = file_read(shared_path("models/%s/test_data_set_0/%s", model, file), &n);
    Onnx__TensorProto *proto = onnx__tensor_proto__unpack(NULL, n, bytes);
    struct tensor *t = calloc(1, sizeof *t);

    cr_assert_not_null(proto, "%s %s", model, file);
    cr_assert_eq(proto->data_type, DTYPE_F32);
    t->name = strdup(proto->name);
    t->type = DTYPE_F32;
    t->rank = (int)proto->n_dims;
    for (int i = 0; i < t->rank; i++)
        t->dim[i] = proto->dims[i];
    t->data = malloc(proto->raw_data.len);
    memcpy(t->data, proto->raw_data.data, proto->raw_data.len);
    onnx__tensor_proto__free_unpacked(proto, NULL);
    free(bytes);
    return t;
}

void tensor_free(struct tensor *t)
{
    free((char *)t->name);
    free(t->data);
    free(t);
}

struct image jpeg_read(const char *path)
{
    size_t n;
    unsigned char *bytes = file_read(path, &n);
    tjhandle tj = tjInitDecompress();
    struct image im = {0};
    int subsampling, colorspace;

    cr_assert_eq(
        tjDecompressHeader3(tj, bytes, n, &im.width, &im.height, &subsampling, &colorspace), 0,
        "%s", path);
    im.stride_bytes = 3 * im.width;
    im.data = malloc((size_t)im.stride_bytes * (size_t)im.height);
    cr_assert_eq(tjDecompress2(tj, bytes, n, im.data, im.width, im.stride_bytes, im.height,
                               TJPF_RGB, TJFLAG_ACCURATEDCT),
                 0, "%s", path);
    tjDestroy(tj);
    free(bytes);
    return im;
}

int expected_detections(const char *model, double (*rows)[6])
{
    json_t *root = json_load_file(shared_path("models/%s/expected.json", model), 0, NULL);
    json_t *list = json_object_get(root, "detections");
    int n = (int)json_array_size(list);

    cr_assert(list && n <= EXPECTED_MAX, "%s", model);
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < 6; k++)
            rows[i][k] = json_number_value(json_array_get(json_array_get(list, (size_t)i), k));
    json_decref(root);
    return n;
}
