#include "daemon/cli/nn_io.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/graph.h"
#include "perception/nn/onnx.h"

enum { MAX_BYTES = 1 << 30 };

static enum err read_file(const char *path, unsigned char **bytes, size_t *n, struct why *why)
{
    FILE *f = fopen(path, "rb");
    long size = -1;

    *bytes = NULL;
    if (!f)
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    if (!fseek(f, 0, SEEK_END))
        size = ftell(f);
    rewind(f);
    if (size < 0 || size > MAX_BYTES) {
        fclose(f);
        return err_say(why, ERR_LIMIT, "%s: %ld bytes, limit %d", path, size, MAX_BYTES);
    }
    *n = (size_t)size;
    *bytes = malloc(*n + 1);
    if (!*bytes || fread(*bytes, 1, *n, f) != *n) {
        free(*bytes);
        *bytes = NULL;
        fclose(f);
        return err_say(why, ERR_IO, "%s: cannot read", path);
    }
    (*bytes)[*n] = '\0';
    fclose(f);
    return OK;
}

/* ---- NumPy: magic, version, length, a Python dictionary, the numbers ----------------------- */
static bool npy_type(const char *descr, enum dtype *type)
{
    static const struct {
        const char *descr;
        enum dtype type;
    } types[] = {{"<f4", DTYPE_F32}, {"<f8", DTYPE_F64}, {"<f2", DTYPE_F16}, {"|u1", DTYPE_U8},
                 {"|i1", DTYPE_I8},  {"<u2", DTYPE_U16}, {"<i2", DTYPE_I16}, {"<u4", DTYPE_U32},
                 {"<i4", DTYPE_I32}, {"<u8", DTYPE_U64}, {"<i8", DTYPE_I64}, {"|b1", DTYPE_BOOL}};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strncmp(descr, types[i].descr, 3)) {
            *type = types[i].type;
            return true;
        }
    return false;
}

/* The value behind 'key': in the dictionary. */
static const char *npy_field(const char *header, const char *key)
{
    const char *p = strstr(header, key);

    p = p ? strchr(p, ':') : NULL;
    return p ? p + 1 + strspn(p + 1, " ") : NULL;
}

static bool npy_header(char *header, struct tensor *t)
{
    const char *descr = npy_field(header, "'descr'"), *shape = npy_field(header, "'shape'");
    const char *order = npy_field(header, "'fortran_order'");
    int64_t dim[TENSOR_MAX_RANK];
    enum dtype type;
    int rank = 0;

    if (!descr || !shape || !order || strncmp(order, "False", 5) != 0 || *descr != '\'' ||
        !npy_type(descr + 1, &type) || *shape++ != '(')
        return false;
    while (*shape && *shape != ')') {
        char *end;
        long long v = strtoll(shape, &end, 10);

        if (end == shape || rank == TENSOR_MAX_RANK)
            return false;
        dim[rank++] = v;
        shape = end + strspn(end, ", ");
    }
    return *shape == ')' && tensor_shape(t, type, rank, dim, NULL) == OK;
}

static enum err npy_read(const char *path, unsigned char *bytes, size_t n, struct tensor *t,
                         struct why *why)
{
    size_t start, length;
    bool fine;
    char old;

    if (n < 12 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return err_say(why, ERR_FORMAT, "%s: not a NumPy file", path);
    start = bytes[6] >= 2 ? 12 : 10;
    length = bytes[8] + 256u * bytes[9];
    if (bytes[6] >= 2)
        length += 65536u * bytes[10] + 16777216ul * bytes[11];
    if (length > n - start)
        return err_say(why, ERR_FORMAT, "%s: header of %zu bytes is cut short", path, length);
    old = (char)bytes[start + length];
    bytes[start + length] = '\0';
    fine = npy_header((char *)bytes + start, t);
    bytes[start + length] = (unsigned char)old;
    if (!fine)
        return err_say(why, ERR_UNSUPPORTED,
                       "%s: needed little-endian numbers in C order, at most %d dimensions", path,
                       TENSOR_MAX_RANK);
    if (n - start - length != tensor_bytes(t))
        return err_say(why, ERR_FORMAT, "%s: %zu bytes of data, its shape needs %zu", path,
                       n - start - length, tensor_bytes(t));
    if (tensor_allocate(t) != OK || !(t->name = strdup("")))
        return err_say(why, ERR_NOMEM, "out of memory");
    memcpy(t->data, bytes + start + length, tensor_bytes(t));
    return OK;
}

enum err tensor_file_read(const char *path, struct tensor *t, struct why *why)
{
    size_t length = strlen(path), n = 0;
    unsigned char *bytes;
    enum err e;

    *t = (struct tensor){0};
    if ((e = read_file(path, &bytes, &n, why)) != OK)
        return e;
    assert(bytes);
    if (length > 4 && !strcmp(path + length - 4, ".npy"))
        e = npy_read(path, bytes, n, t, why);
    else if ((e = onnx_read_tensor(bytes, n, t, why)) != OK)
        err_prefix(why, e, "%.160s: ", path);
    free(bytes);
    if (e != OK)
        tensor_file_free(t);
    return e;
}

enum err tensor_file_write(const char *path, const struct tensor *t, struct why *why)
{
    unsigned char *bytes;
    size_t n;
    FILE *f;
    bool fine;

    if (onnx_write_tensor(t, &bytes, &n) != OK)
        return err_say(why, ERR_NOMEM, "out of memory");
    f = fopen(path, "wb");
    fine = f && fwrite(bytes, 1, n, f) == n;
    if (f && fclose(f))
        fine = false;
    free(bytes);
    return fine ? OK : err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
}

void tensor_file_free(struct tensor *t)
{
    free(t->data);
    free((char *)t->name);
    *t = (struct tensor){0};
}

const char *shape_text(const struct tensor *t, char text[160])
{
    size_t n = 0;

    if (t->rank == 0)
        return "scalar";
    for (int i = 0; i < t->rank; i++)
        n += (size_t)snprintf(text + n, 160 - n, "%s%lld", i ? "x" : "", (long long)t->dim[i]);
    return text;
}

enum err tensor_file_copy(const char *path, const struct tensor *to, struct why *why)
{
    char a[160], b[160];
    struct tensor t;
    enum err e = tensor_file_read(path, &t, why);

    if (e != OK)
        return e;
    if (t.type != to->type || t.rank != to->rank || memcmp(t.dim, to->dim, sizeof t.dim) != 0)
        e = err_say(why, ERR_MISMATCH, "%.100s is %s %s, input '%.60s' %s %s", path,
                    dtype_name(t.type), shape_text(&t, a), to->name, dtype_name(to->type),
                    shape_text(to, b));
    else if (t.data)
        memcpy(to->data, t.data, tensor_bytes(to));
    tensor_file_free(&t);
    return e;
}

int print_json(json_t *o)
{
    int fine = o ? json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) : -1;

    json_decref(o);
    putchar('\n');
    return fine ? 1 : 0;
}
