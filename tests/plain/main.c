#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct plain_test *first, **last = &first;
static int failed;

void plain_add(struct plain_test *t)
{
    *last = t;
    last = &t->next;
}

void plain_check(bool holds, bool must, const char *file, int line, const char *what,
                 const char *format, ...)
{
    va_list list;

    if (holds)
        return;
    failed++;
    fprintf(stderr, "%s:%d: does not hold: %s;", file, line, what);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    if (must)
        exit(1);
}

int main(void)
{
    int n = 0;

    for (const struct plain_test *t = first; t; t = t->next) {
        printf("[RUN ] %s::%s\n", t->suite, t->name);
        fflush(stdout);
        t->run();
        n++;
    }
    printf("%d tests, %d failed\n", n, failed);
    return n == 0 || failed > 0;
}
