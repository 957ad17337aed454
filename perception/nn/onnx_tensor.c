#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "perception/nn/graph.h"
#include "perception/nn/onnx.h"
#include "perception/nn/onnx_parse.h"

/* Opens folder/location. A path that leaves the folder is refused, and so is every symbolic link
 * on the way: a model is not to read files that are none of its own. */
static int open_inside(const char *folder, const char *location)
{
    char part[256];
    int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), next;
    const char *slash;
    size_t n;

    while (at >= 0) {
        slash = strchr(location, '/');
        n = slash ? (size_t)(slash - location) : strlen(location);
        if (n == 0 || n >= sizeof part || (n == 2 && !memcmp(location, "..", 2))) {
            errno = EACCES;
            break;
        }
        memcpy(part, location, n);
        part[n] = '\0';
        next = openat(at, part,
                      O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (slash ? O_DIRECTORY : 0));
        close(at);
        if (!slash || next < 0)
            return next;
        at = next;
        location = slash + 1;
    }
    if (at >= 0)
        close(at);
    return -1;
}

static bool parse_size(const char *s, int64_t *v)
{
    char *end;

    errno = 0;
    *v = strtoll(s, &end, 10);
    return *s >= '0' && *s <= '9' && !*end && !errno;
}

static enum err read_all(int fd, void *to, size_t n, int64_t offset)
{
    char *p = to;

    while (n > 0) {
        ssize_t got = pread(fd, p, n, offset);

        if (got <= 0)
            return ERR_IO;
        p += got;
        n -= (size_t)got;
        offset += got;
    }
    return OK;
}

static enum err external_data(const Onnx__TensorProto *p, const char *folder, struct tensor *t,
                              struct why *why)
{
    const char *location = NULL;
    int64_t offset = 0, length = (int64_t)tensor_bytes(t);
    struct stat st;
    enum err e = OK;
    int fd;

    for (size_t i = 0; i < p->n_external_data; i++) {
        const char *key = p->external_data[i]->key, *value = p->external_data[i]->value;

        if (!key || !value)
            continue;
        if (!strcmp(key, "location"))
            location = value;
        else if ((!strcmp(key, "offset") && !parse_size(value, &offset)) ||
                 (!strcmp(key, "length") && !parse_size(value, &length)))
            return err_say(why, ERR_FORMAT, "tensor '%s': external %s '%.40s' is not a number",
                           t->name, key, value);
    }
    if (!folder)
        return err_say(why, ERR_UNSUPPORTED, "tensor '%s': external data without a folder",
                       t->name);
    if (!location)
        return err_say(why, ERR_FORMAT, "tensor '%s': external data without location", t->name);
    if ((size_t)length != tensor_bytes(t))
        return err_say(why, ERR_FORMAT, "tensor '%s': external length %lld, its shape needs %zu",
                       t->name, (long long)length, tensor_bytes(t));
    fd = open_inside(folder, location);
    if (fd < 0)
        return err_say(why, ERR_IO, "tensor '%s': external data '%.100s': %s", t->name, location,
                       errno == EACCES || errno == ELOOP || errno == ENOTDIR
                           ? "must be a file within the model's folder, and no link"
                           : strerror(errno));
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < length ||
        offset > st.st_size - length)
        e = err_say(why, ERR_FORMAT, "tensor '%s': '%.100s' has no %lld bytes at %lld", t->name,
                    location, (long long)length, (long long)offset);
    else if (tensor_allocate(t) != OK)
        e = ERR_NOMEM;
    else if (read_all(fd, t->data, (size_t)length, offset) != OK)
        e = err_say(why, ERR_IO, "tensor '%s': '%.100s': cannot read", t->name, location);
    close(fd);
    return e;
}

/* How many elements the typed field holds that ONNX names for this type. */
static size_t typed_count(const Onnx__TensorProto *p, enum dtype type)
{
    switch (type) {
    case DTYPE_F32:
        return p->n_float_data;
    case DTYPE_F64:
        return p->n_double_data;
    case DTYPE_I64:
        return p->n_int64_data;
    case DTYPE_U32:
    case DTYPE_U64:
        return p->n_uint64_data;
    default:
        return p->n_int32_data;
    }
}

static void typed_copy(const Onnx__TensorProto *p, struct tensor *t)
{
    size_t n = typed_count(p, t->type);

    switch (t->type) {
    case DTYPE_F32:
        memcpy(t->data, p->float_data, n * 4);
        break;
    case DTYPE_F64:
        memcpy(t->data, p->double_data, n * 8);
        break;
    case DTYPE_I64:
        memcpy(t->data, p->int64_data, n * 8);
        break;
    case DTYPE_U64:
        memcpy(t->data, p->uint64_data, n * 8);
        break;
    case DTYPE_U32:
        for (size_t i = 0; i < n; i++)
            ((uint32_t *)t->data)[i] = (uint32_t)p->uint64_data[i];
        break;
    case DTYPE_I32:
        memcpy(t->data, p->int32_data, n * 4);
        break;
    case DTYPE_U16:
    case DTYPE_I16:
    case DTYPE_F16:
    case DTYPE_BF16:
        for (size_t i = 0; i < n; i++)
            ((uint16_t *)t->data)[i] = (uint16_t)p->int32_data[i];
        break;
    default:
        for (size_t i = 0; i < n; i++)
            ((uint8_t *)t->data)[i] = (uint8_t)p->int32_data[i];
        break;
    }
}

static enum err inline_data(const Onnx__TensorProto *p, struct tensor *t, struct why *why)
{
    size_t want = tensor_bytes(t), count = (size_t)tensor_count(t);
    bool raw = p->has_raw_data && (p->raw_data.len || !typed_count(p, t->type));

    if (raw && p->raw_data.len != want)
        return err_say(why, ERR_FORMAT, "tensor '%s': raw_data has %zu bytes, its shape needs %zu",
                       t->name, p->raw_data.len, want);
    if (!raw && typed_count(p, t->type) != count)
        return err_say(why, ERR_FORMAT, "tensor '%s': %zu elements of %s, its shape needs %zu",
                       t->name, typed_count(p, t->type), dtype_name(t->type), count);
    if (tensor_allocate(t) != OK)
        return ERR_NOMEM;
    if (raw && want)
        memcpy(t->data, p->raw_data.data, want);
    else if (want)
        typed_copy(p, t);
    return OK;
}

enum err onnx_tensor(const Onnx__TensorProto *p, const char *folder, const char *name,
                     struct tensor *t, struct why *why)
{
    enum err e;

    *t = (struct tensor){.name = name};
    if (p->segment)
        return err_say(why, ERR_UNSUPPORTED, "tensor '%s': stored in segments", name);
    if (p->n_dims > TENSOR_MAX_RANK)
        return err_say(why, ERR_LIMIT, "tensor '%s': %zu dimensions, limit %d", name, p->n_dims,
                       TENSOR_MAX_RANK);
    if ((e = tensor_shape(t, (enum dtype)p->data_type, (int)p->n_dims, p->dims, why)) != OK)
        return e;
    if (p->has_data_location && p->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        e = external_data(p, folder, t, why);
    else
        e = inline_data(p, t, why);
    if (e != OK) {
        free(t->data);
        t->data = NULL;
        return e;
    }
    if (t->type == DTYPE_BOOL) /* whatever the file says: 0 or 1 */
        for (int64_t i = 0; i < tensor_count(t); i++)
            ((uint8_t *)t->data)[i] = ((uint8_t *)t->data)[i] != 0;
    return OK;
}

enum err onnx_read_tensor(const void *bytes, size_t n, struct tensor *t, struct why *why)
{
    enum err e;
    ProtobufCMessage *m = onnx_unpack(&onnx__tensor_proto__descriptor, bytes, n, &e, why);
    const Onnx__TensorProto *p = (const Onnx__TensorProto *)m;

    *t = (struct tensor){0};
    if (!m)
        return e;
    e = onnx_tensor(p, NULL, p->name ? p->name : "", t, why);
    t->name = NULL;
    if (e == OK && !(t->name = strdup(p->name ? p->name : ""))) {
        free(t->data);
        t->data = NULL;
        e = ERR_NOMEM;
    }
    protobuf_c_message_free_unpacked(m, NULL);
    return e;
}

enum err onnx_write_tensor(const struct tensor *t, unsigned char **bytes, size_t *n)
{
    Onnx__TensorProto p = ONNX__TENSOR_PROTO__INIT;
    int64_t dim[TENSOR_MAX_RANK];

    memcpy(dim, t->dim, sizeof dim);
    p.n_dims = (size_t)t->rank;
    p.dims = dim;
    p.has_data_type = 1;
    p.data_type = (int)t->type;
    p.name = (char *)t->name;
    p.has_raw_data = 1;
    p.raw_data.data = t->data;
    p.raw_data.len = tensor_bytes(t);
    *n = onnx__tensor_proto__get_packed_size(&p);
    *bytes = malloc(*n ? *n : 1);
    if (!*bytes)
        return ERR_NOMEM;
    onnx__tensor_proto__pack(&p, *bytes);
    return OK;
}
