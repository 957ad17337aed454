#include "daemon/tree.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct tree t;
static struct why why;

static enum err parse(const char *text)
{
    return tree_parse(&t, text, strlen(text), "a.yaml", &why);
}

/* The text of the tree after some --set; ends the tree. */
static const char *after(const char *const *sets)
{
    static char out[1024];
    char *text;
    size_t n;

    for (; *sets; sets++)
        cr_assert_eq(tree_set(&t, *sets, &why), OK, "%s", why.text);
    cr_assert_eq(tree_text(&t.document, &text, &n), OK);
    cr_assert_lt(n, sizeof out);
    memcpy(out, text, n + 1);
    free(text);
    return out;
}

static void refused(const char *set, const char *said)
{
    cr_expect_eq(tree_set(&t, set, &why), ERR_FORMAT);
    cr_expect(strstr(why.text, said), "%s", why.text);
}

Test(tree, finds_nodes_and_their_lines)
{
    cr_assert_eq(parse("a: 1\nb:\n  - x: 2\n  - y: [3, 4]\n"), OK);
    cr_assert_eq(tree_line(&t, tree_find(&t, "a")), 1);
    cr_assert_eq(tree_line(&t, tree_find(&t, "b.1.y")), 4);
    cr_assert_eq(tree_line(&t, tree_find(&t, "b.1.y.1")), 4);
    cr_assert_eq(tree_find(&t, "b.2"), 0);
    cr_assert_eq(tree_find(&t, "b.x"), 0);
    cr_assert_eq(tree_find(&t, "a.x"), 0);
    cr_assert_eq(tree_find(&t, "b.1.y.99999999999999999999"), 0);
    cr_assert_eq(tree_find(&t, ""), 0);
    tree_finish(&t);
}

Test(tree, sets_values_and_makes_the_way_to_them)
{
    cr_assert_eq(parse("a: 1\nb: [{x: 2}]\n"), OK);
    cr_assert_str_eq(
        after((const char *[]){"a=5", "b.0.x=[6, {z: 7}]", "b.1.q.r=8", "c.0=9", NULL}),
        "a: 5\nb: [{x: [6, {z: 7}]}, {q: {r: 8}}]\nc:\n- 9\n");
    cr_assert_eq(parse("q: 1"), OK);
    cr_assert_str_eq(after((const char *[]){"x.y=", "z='a b'", NULL}),
                     "q: 1\nx:\n  y:\nz: 'a b'\n");
}

Test(tree, refuses_what_has_no_place)
{
    cr_assert_eq(parse("a: 1\nb: [1]\n"), OK);
    refused("a", "must be key=value");
    refused("=1", "must be key=value");
    refused("a.b=1", "no place 'a.b'");
    refused("b.5=1", "no place 'b.5'");
    refused("b.x=1", "no place 'b.x'");
    refused("..=1", "no place");
    refused("a=[1", "no YAML");
    refused("a=&x [*x]", "no YAML");
    tree_finish(&t);
}

Test(tree, errors_have_a_line)
{
    cr_assert_eq(parse("a: 1\nb: [1\n"), ERR_FORMAT);
    cr_assert_eq(strncmp(why.text, "a.yaml:3: ", 10), 0, "%s", why.text);
    cr_assert_eq(parse("a: 1\n\tb: 2\n"), ERR_FORMAT);
    cr_assert_eq(strncmp(why.text, "a.yaml:2: ", 10), 0, "%s", why.text);
    cr_assert_eq(parse("a: \xff\xfe\n"), ERR_FORMAT);
    cr_assert(strstr(why.text, "a.yaml: byte"), "%s", why.text);
}

Test(tree, size_is_bounded)
{
    char *big = malloc(TREE_MAX_BYTES + 1);

    memset(big, ' ', TREE_MAX_BYTES + 1);
    cr_assert_eq(tree_parse(&t, big, TREE_MAX_BYTES + 1, "a.yaml", &why), ERR_LIMIT);
    free(big);
}
