#include "daemon/cli/options.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>

Test(options, numbers)
{
    double v;
    int n;

    cr_redirect_stderr();
    cr_assert(option_real("x", "--rate", "2.5e1", 0, 100, &v) && v == 25);
    cr_assert(option_whole("x", "--count", "-7", -10, 10, &n) && n == -7);
    cr_assert_not(option_real("x", "--rate", "nan", 0, 100, &v));
    cr_assert_not(option_real("x", "--rate", "", 0, 100, &v));
    cr_assert_not(option_real("x", "--rate", "5 Hz", 0, 100, &v));
    cr_assert_not(option_whole("x", "--count", "11", -10, 10, &n));
    cr_assert_not(option_whole("x", "--count", "99999999999999999999", -10, 10, &n));
    cr_assert_not(option_whole("x", "--count", "1.5", -10, 10, &n));
    cr_assert(v == 25 && n == -7); /* untouched */
    fflush(stderr);
    cr_assert_stderr_eq_str("outrider x: --rate 'nan': must be a number of 0..100\n"
                            "outrider x: --rate '': must be a number of 0..100\n"
                            "outrider x: --rate '5 Hz': must be a number of 0..100\n"
                            "outrider x: --count '11': must be a whole number of -10..10\n"
                            "outrider x: --count '99999999999999999999': must be a whole number of "
                            "-10..10\n"
                            "outrider x: --count '1.5': must be a whole number of -10..10\n");
}
