/* The command line of the engine: what it accepts, and how it ends. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/nn_io.h"
#include "tests/onnx_model.h"

static int nn(const char *a, const char *b, const char *c, const char *d)
{
    const char *words[] = {"nn", a, b, c, d, NULL};
    char *argv[6] = {0};
    int argc = 0, status;

    while (words[argc]) {
        argv[argc] = strdup(words[argc]);
        argc++;
    }
    status = nn_command(argc, argv);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return status;
}

static void quiet(void)
{
    cr_redirect_stdout();
    cr_redirect_stderr();
}

static void save_model(char path[32])
{
    struct model m;
    size_t n;
    const uint8_t *bytes;
    int fd;

    strcpy(path, "/tmp/outrider-nn-XXXXXX");
    fd = mkstemp(path);
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "2,3");
    model_node(&m, "Relu", "x", "y");
    model_output(&m, "y");
    bytes = model_pack(&m, &n);
    cr_assert(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    close(fd);
    model_free(&m);
}

Test(nn, wrong_usage_ends_with_2, .init = quiet)
{
    cr_expect_eq(nn(NULL, NULL, NULL, NULL), 2);
    cr_expect_eq(nn("juggle", "model.onnx", NULL, NULL), 2);
    cr_expect_eq(nn("info", NULL, NULL, NULL), 2);
    cr_expect_eq(nn("info", "a", "b", NULL), 2);
    cr_expect_eq(nn("bench", "a", "--runs", "0"), 2);
    cr_expect_eq(nn("bench", "a", "--threads", "many"), 2);
    cr_expect_eq(nn("check", "a", "--atol", "-1"), 2);
    cr_expect_eq(nn("check", "a", "--cpu-mask", "abacus"), 2);
    cr_expect_eq(nn("info", "a", "--colour", NULL), 2);
}

Test(nn, what_fails_ends_with_1, .init = quiet)
{
    cr_expect_eq(nn("info", "/nowhere/model.onnx", NULL, NULL), 1);
    cr_expect_eq(nn("check", "/nowhere", NULL, NULL), 1);
}

Test(nn, a_model_ends_with_0, .init = quiet)
{
    char path[32];

    save_model(path);
    cr_expect_eq(nn("info", path, NULL, NULL), 0);
    cr_expect_eq(nn("info", path, "--json", NULL), 0);
    cr_expect_eq(nn("run", path, NULL, NULL), 0);
    cr_expect_eq(nn("bench", path, "--runs", "3"), 0);
    cr_expect_eq(nn("run", path, "--input", path), 1); /* a model is no tensor of this shape */
    unlink(path);
}

static enum err read_npy(const char *header, size_t data_bytes, struct tensor *t)
{
    char path[] = "/tmp/outrider-npy-XXXXXX.npy", start[10] = "\x93NUMPY\x01";
    static const float data[6] = {1, 2, 3, 4, 5, 6};
    int fd = mkstemps(path, 4);
    struct why why;
    enum err e;

    start[8] = (char)strlen(header);
    cr_assert(fd >= 0 && write(fd, start, 10) == 10);
    cr_assert_eq(write(fd, header, strlen(header)), (ssize_t)strlen(header));
    cr_assert_eq(write(fd, data, data_bytes), (ssize_t)data_bytes);
    close(fd);
    e = tensor_file_read(path, t, &why);
    unlink(path);
    return e;
}

Test(nn, numpy_files)
{
    static const char fine[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
    struct tensor t;

    cr_assert_eq(read_npy(fine, 24, &t), OK);
    cr_assert_eq(t.rank, 2);
    cr_assert_eq(t.dim[1], 3);
    cr_assert_eq(((const float *)t.data)[5], 6.0f);
    tensor_file_free(&t);
    cr_assert_eq(read_npy(fine, 20, &t), ERR_FORMAT);
    cr_assert_eq(read_npy("{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }\n", 24, &t),
                 ERR_UNSUPPORTED);
    cr_assert_eq(read_npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", 24, &t),
                 ERR_UNSUPPORTED);
    cr_assert_eq(read_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3), }\n", 24, &t),
                 ERR_UNSUPPORTED);
    cr_assert_eq(read_npy("", 0, &t), ERR_FORMAT);
}
