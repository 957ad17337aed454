/* ONNX Runtime:  ort LIBRARY MODEL THREADS INPUT.npy...
 *
 * Through its C interface, outputs written into the same tensors every time: its bindings for
 * scripting languages make new arrays for each run, which can cost more than the network. The
 * package that brings the library has no header; the interface is a table of functions whose places
 * are fixed for good, so the ones needed here are named by place. */
#include <dlfcn.h>

#include "tests/bench/peers/serve.h"

enum place {
    GET_ERROR_MESSAGE = 2,
    CREATE_ENV = 3,
    CREATE_SESSION = 7,
    RUN = 9,
    CREATE_SESSION_OPTIONS = 10,
    SET_SESSION_EXECUTION_MODE = 13,
    SET_GRAPH_OPTIMIZATION_LEVEL = 23,
    SET_INTRA_OP_NUM_THREADS = 24,
    SET_INTER_OP_NUM_THREADS = 25,
    SESSION_GET_INPUT_COUNT = 30,
    SESSION_GET_OUTPUT_COUNT = 31,
    SESSION_GET_INPUT_NAME = 36,
    SESSION_GET_OUTPUT_NAME = 37,
    CREATE_TENSOR_WITH_DATA = 49,
    GET_TENSOR_MUTABLE_DATA = 51,
    GET_TENSOR_ELEMENT_TYPE = 60,
    GET_TENSOR_SHAPE_ELEMENT_COUNT = 64,
    GET_TENSOR_TYPE_AND_SHAPE = 65,
    CREATE_CPU_MEMORY_INFO = 69,
    GET_ALLOCATOR_WITH_DEFAULT_OPTIONS = 78,
    RELEASE_SESSION = 95,
    RELEASE_VALUE = 96,
    RELEASE_TYPE_AND_SHAPE = 99,
};
enum { ENABLE_ALL = 99, SEQUENTIAL = 0, WARNING = 2, DEVICE_ALLOCATOR = 0, DEFAULT_MEMORY = 0 };
enum { F32 = 1, U8 = 2, I8 = 3, I32 = 6, I64 = 7, MAX_TENSORS = 64, MAX_RANK = 8 };

struct api_base {
    const void *(*get_api)(uint32_t version);
    const char *(*version)(void);
};

/* One function of the table: what it is given, what it says (NULL: fine). */
typedef void *handle;
static void *const *api;
#define CALL(place, types) ((handle(*) types)api[place])

static const char *model;
static int threads, n_inputs, n_outputs;
static handle env, options, memory, allocator, session;
static handle input[MAX_TENSORS], output[MAX_TENSORS];
static char *input_name[MAX_TENSORS], *output_name[MAX_TENSORS];

static const char *said(handle status)
{
    return status ? ((const char *(*)(handle))api[GET_ERROR_MESSAGE])(status) : NULL;
}

#define TRY(call)                                                                                  \
    do {                                                                                           \
        const char *refused_ = said(call);                                                         \
        if (refused_)                                                                              \
            return refused_;                                                                       \
    } while (0)

/* ---- inputs: NumPy's magic, version, length, a Python dictionary, the numbers --------------- */
static int element_type(const char *descr, size_t *size)
{
    static const struct {
        const char *descr;
        int type;
        size_t size;
    } types[] = {{"<f4", F32, 4}, {"|u1", U8, 1}, {"|i1", I8, 1}, {"<i4", I32, 4}, {"<i8", I64, 8}};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strncmp(descr, types[i].descr, 3)) {
            *size = types[i].size;
            return types[i].type;
        }
    return 0;
}

static const char *read_input(const char *path, handle *to)
{
    FILE *f = fopen(path, "rb");
    unsigned char start[10];
    char head[4096] = "", *descr, *shape;
    int64_t dim[MAX_RANK];
    size_t length, size = 0, rank = 0;
    void *numbers;
    int type;

    if (!f || fread(start, 1, sizeof start, f) != sizeof start)
        return "cannot read an input";
    length = start[8] + 256u * start[9];
    if (length >= sizeof head || fread(head, 1, length, f) != length ||
        !(descr = strstr(head, "'descr': '")) || !(shape = strstr(head, "'shape': (")) ||
        !(type = element_type(descr + 10, &size)))
        return "an input that is not NumPy's";
    shape += 10;
    for (char *end; rank < MAX_RANK; shape = end + strspn(end, ", ")) {
        dim[rank] = strtoll(shape, &end, 10);
        if (end == shape)
            break;
        size *= (size_t)dim[rank++];
    }
    numbers = aligned_alloc(64, (size + 63) / 64 * 64);
    if (!numbers || fread(numbers, 1, size, f) != size)
        return "an input that is too short";
    fclose(f);
    TRY(CALL(CREATE_TENSOR_WITH_DATA, (handle, void *, size_t, const int64_t *, size_t, int,
                                       handle *))(memory, numbers, size, dim, rank, type, to));
    return NULL;
}

/* ---- the session ---------------------------------------------------------------------------- */
static const char *make_options(void)
{
    TRY(CALL(CREATE_ENV, (int, const char *, handle *))(WARNING, "bench", &env));
    TRY(CALL(CREATE_SESSION_OPTIONS, (handle *))(&options));
    TRY(CALL(SET_SESSION_EXECUTION_MODE, (handle, int))(options, SEQUENTIAL));
    TRY(CALL(SET_GRAPH_OPTIMIZATION_LEVEL, (handle, int))(options, ENABLE_ALL));
    TRY(CALL(SET_INTRA_OP_NUM_THREADS, (handle, int))(options, threads));
    TRY(CALL(SET_INTER_OP_NUM_THREADS, (handle, int))(options, 1));
    TRY(CALL(CREATE_CPU_MEMORY_INFO, (int, int, handle *))(DEVICE_ALLOCATOR, DEFAULT_MEMORY,
                                                           &memory));
    TRY(CALL(GET_ALLOCATOR_WITH_DEFAULT_OPTIONS, (handle *))(&allocator));
    return NULL;
}

static const char *load(void)
{
    size_t inputs, outputs;

    for (int i = 0; i < n_outputs; i++) {
        ((void (*)(handle))api[RELEASE_VALUE])(output[i]);
        output[i] = NULL;
    }
    if (session)
        ((void (*)(handle))api[RELEASE_SESSION])(session);
    session = NULL;
    TRY(CALL(CREATE_SESSION, (handle, const char *, handle, handle *))(env, model, options,
                                                                       &session));
    TRY(CALL(SESSION_GET_INPUT_COUNT, (handle, size_t *))(session, &inputs));
    TRY(CALL(SESSION_GET_OUTPUT_COUNT, (handle, size_t *))(session, &outputs));
    if (inputs != (size_t)n_inputs || outputs > MAX_TENSORS)
        return "another number of inputs";
    for (size_t i = 0; i < inputs; i++)
        TRY(CALL(SESSION_GET_INPUT_NAME, (handle, size_t, handle, char **))(session, i, allocator,
                                                                            &input_name[i]));
    for (size_t i = 0; i < outputs; i++)
        TRY(CALL(SESSION_GET_OUTPUT_NAME, (handle, size_t, handle, char **))(session, i, allocator,
                                                                             &output_name[i]));
    n_outputs = (int)outputs;
    return NULL;
}

/* The first run after loading makes the outputs, later ones write into them. */
static const char *run(void)
{
    TRY(CALL(RUN, (handle, handle, char **, handle *, size_t, char **, size_t, handle *))(
        session, NULL, input_name, input, (size_t)n_inputs, output_name, (size_t)n_outputs,
        output));
    return NULL;
}

static double number(const void *p, int type, size_t i)
{
    return type == F32   ? (double)((const float *)p)[i]
           : type == U8  ? (double)((const uint8_t *)p)[i]
           : type == I8  ? (double)((const int8_t *)p)[i]
           : type == I32 ? (double)((const int32_t *)p)[i]
                         : (double)((const int64_t *)p)[i];
}

static void print_outputs(void)
{
    for (int o = 0; o < n_outputs; o++) {
        handle info;
        void *data;
        size_t n;
        int type;
        double sum = 0;

        if (CALL(GET_TENSOR_TYPE_AND_SHAPE, (handle, handle *))(output[o], &info) ||
            CALL(GET_TENSOR_ELEMENT_TYPE, (handle, int *))(info, &type) ||
            CALL(GET_TENSOR_SHAPE_ELEMENT_COUNT, (handle, size_t *))(info, &n) ||
            CALL(GET_TENSOR_MUTABLE_DATA, (handle, void **))(output[o], &data))
            exit(1);
        for (size_t i = 0; i < n; i++)
            sum += fabs(number(data, type, i));
        printf("%.9g ", sum / (double)n);
        ((void (*)(handle))api[RELEASE_TYPE_AND_SHAPE])(info);
    }
}

int main(int argc, char **argv)
{
    void *library = argc > 4 ? dlopen(argv[1], RTLD_NOW) : NULL;
    const struct api_base *(*get_base)(void) = NULL;
    const char *refused;

    if (library) /* POSIX's way of making a function of it */
        *(void **)&get_base = dlsym(library, "OrtGetApiBase");
    if (!get_base || argc > 4 + MAX_TENSORS || !(api = get_base()->get_api(1))) {
        fprintf(stderr, "usage: %s libonnxruntime.so MODEL THREADS INPUT.npy...\n", argv[0]);
        return 2;
    }
    model = argv[2];
    threads = atoi(argv[3]); /* NOLINT: compare.py's own */
    refused = make_options();
    for (int i = 4; !refused && i < argc; i++)
        refused = read_input(argv[i], &input[n_inputs++]);
    if (refused) {
        fprintf(stderr, "%s: %s\n", argv[0], refused);
        return 1;
    }
    return serve(&(struct peer){load, run, print_outputs});
}
