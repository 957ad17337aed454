/* As much of Criterion as the kernel tests use, for machines that we build for but have no Criterion
 * of (`make test-arm`). Tests run one after the other in the order of the file, in one process;
 * the first assertion that fails ends it. */
#ifndef OUTRIDER_TESTS_PLAIN_CRITERION_H
#define OUTRIDER_TESTS_PLAIN_CRITERION_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

struct plain_test {
    const char *suite, *name;
    void (*run)(void);
    struct plain_test *next;
};

void plain_add(struct plain_test *t);
/* Says where and what if it does not hold; ends the program then, if it must hold. */
__attribute__((format(printf, 6, 7))) void plain_check(bool holds, bool must, const char *file,
                                                       int line, const char *what,
                                                       const char *format, ...);

#define Test(in, called, ...)                                                                      \
    static void in##_##called(void);                                                               \
    __attribute__((constructor)) static void in##_##called##_add(void)                             \
    {                                                                                              \
        static struct plain_test t = {#in, #called, in##_##called, NULL};                          \
        plain_add(&t);                                                                             \
    }                                                                                              \
    static void in##_##called(void)

#define plain_that(holds, must, what, ...)                                                         \
    plain_check(holds, must, __FILE__, __LINE__, what, " " __VA_ARGS__)

#define cr_assert(x, ...) plain_that((x), true, #x, __VA_ARGS__)
#define cr_assert_not(x, ...) plain_that(!(x), true, "not " #x, __VA_ARGS__)
#define cr_assert_eq(a, b, ...) plain_that((a) == (b), true, #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) plain_that((a) != (b), true, #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) plain_that((a) < (b), true, #a " < " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) plain_that((a) >= (b), true, #a " >= " #b, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)                                                                \
    plain_that(strcmp(a, b) == 0, true, #a " equals " #b, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...)                                                             \
    plain_that(memcmp(a, b, n) == 0, true, #a " equals " #b, __VA_ARGS__)
#define cr_assert_float_eq(a, b, by, ...)                                                          \
    plain_that(fabs((double)(a) - (double)(b)) <= (double)(by), true, #a " is about " #b,          \
               __VA_ARGS__)
#define cr_expect_eq(a, b, ...) plain_that((a) == (b), false, #a " == " #b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...) plain_that((a) > (b), false, #a " > " #b, __VA_ARGS__)

#endif
