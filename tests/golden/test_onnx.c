/* Networks and operators against the results of others: the shared models with ONNX Runtime's
 * outputs, and the ONNX project's own test data where Debian has installed it. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/cli/nn_check.h"
#include "perception/kernels/kernels.h"

static const char onnx_data[] = "/usr/share/libonnx-testdata/data";

static struct check_counts check(const char *path, double atol, unsigned cpu_mask)
{
    struct check_options opt = {.rtol = 1e-3, .atol = atol, .net = {.cpu_mask = cpu_mask}};
    struct check_counts counts = {0};
    struct why why;
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    enum err e = check_path(path, &opt, to, &counts, &why);

    fclose(to);
    cr_assert_eq(e, OK, "%s", why.text);
    if (counts.failed)
        fputs(text, stderr);
    free(text);
    return counts;
}

/* what: a folder under models, "" for all. */
static void check_models(const char *what, int at_least, unsigned cpu_mask)
{
    const char *shared = getenv("OUTRIDER_SHARED");
    struct check_counts c;
    char path[4096];

    snprintf(path, sizeof path, "%s/models%s", shared ? shared : "../shared", what);
    if (access(path, R_OK) != 0)
        cr_skip_test("no models in %s", path);
    c = check(path, 1e-3, cpu_mask);
    cr_expect_eq(c.failed, 0);
    cr_expect_eq(c.unsupported, 0);
    cr_expect_geq(c.passed, at_least);
}

Test(onnx, shared_models, .timeout = 120)
{
    check_models("", 6, ~0u);
}

Test(onnx, shared_models_by_the_reference, .timeout = 120)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    check_models("/fastestdet", 1, 0); /* the plain loops take minutes under a sanitizer */
#else
    check_models("", 6, 0);
#endif
}

/* The counts only ever grow. */
static void check_onnx(const char *folder, double atol, int at_least)
{
    struct check_counts c;
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", onnx_data, folder);
    if (access(path, R_OK) != 0)
        cr_skip_test("libonnx-testdata is not installed");
    c = check(path, atol, ~0u);
    cr_expect_eq(c.failed, 0, "%d of %s failed", c.failed, folder);
    cr_expect_geq(c.passed, at_least, "%d of %s passed, %d before", c.passed, folder, at_least);
}

Test(onnx, node_tests, .timeout = 120)
{
    check_onnx("node", 1e-7, 756);
}

Test(onnx, simple_tests, .timeout = 120)
{
    check_onnx("simple", 1e-3, 7);
}

Test(onnx, converted_tests, .timeout = 120)
{
    check_onnx("pytorch-converted", 1e-3, 82);
}

Test(onnx, operator_tests, .timeout = 120)
{
    check_onnx("pytorch-operator", 1e-3, 35);
}
