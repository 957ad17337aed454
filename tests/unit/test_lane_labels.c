#include "daemon/cli/lane_labels.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/folder.h"

static struct folder f;
static struct lane_labels labels;
static struct why why;

static void make(void)
{
    folder_make(&f);
}

static void drop(void)
{
    lane_labels_finish(&labels);
    folder_remove(&f);
}

TestSuite(lane_labels, .init = make, .fini = drop);

static enum err take(const char *text, bool need_rows)
{
    lane_labels_finish(&labels);
    folder_put(&f, "l.json", text, strlen(text));
    return lane_labels_read(folder_path(&f, "l.json"), need_rows, &labels, &why);
}

Test(lane_labels, tusimple_lines)
{
    cr_assert_eq(take("{\"raw_file\":\"b.jpg\",\"h_samples\":[10,20],\"lanes\":[[1,-2],[3,4.5]]}\n"
                      "{\"raw_file\":\"a.jpg\",\"h_samples\":[10,20,30],\"lanes\":[]}",
                      true),
                 OK, "%s", why.text);
    cr_assert_eq(labels.n, 2);
    const struct lane_label *b = lane_labels_find(&labels, "b.jpg");
    cr_assert_eq(b->rows, 2);
    cr_assert_eq(b->n, 2);
    cr_assert_eq(b->x[1], -2);
    cr_assert_eq(b->x[3], 4.5);
    cr_assert_eq(labels.picture[0].rows, 3);
    cr_assert_null(lane_labels_find(&labels, "c.jpg"));
    cr_assert_eq(take("{\"raw_file\":\"b.jpg\",\"lanes\":[[1,2,3]],\"run_time\":7}", false), OK);
    cr_assert_eq(labels.picture[0].rows, 3, "as many as the first has");
    cr_assert_null(labels.picture[0].y);
}

Test(lane_labels, what_is_wrong_is_named)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "no lanes of any picture"},
        {"{\"raw_file\":\"b\",\"h_samples\":[10", ":1: "},
        {"[]", ":1: a line must be a JSON object"},
        {"{\"raw_file\":7}", ":1: raw_file must be"},
        {"{\"raw_file\":\"a\",\"lanes\":[]}", "h_samples must be an array of 1 to 1024"},
        {"{\"raw_file\":\"a\",\"h_samples\":[],\"lanes\":[]}", "h_samples must be an array"},
        {"{\"raw_file\":\"a\",\"h_samples\":[1,1],\"lanes\":[]}", "rows that rise"},
        {"{\"raw_file\":\"a\",\"h_samples\":[-1],\"lanes\":[]}", "h_samples must be numbers"},
        {"{\"raw_file\":\"a\",\"h_samples\":[1],\"lanes\":7}", "lanes must be an array"},
        {"{\"raw_file\":\"a\",\"h_samples\":[1],\"lanes\":[[1,2]]}", "each must be an array of 1"},
        {"{\"raw_file\":\"a\",\"h_samples\":[1],\"lanes\":[[\"x\"]]}", "lanes must be numbers"},
        {"{\"raw_file\":\"a\",\"h_samples\":[1],\"lanes\":[[1e9]]}", "lanes must be numbers"},
        {"{\"raw_file\":\"a\",\"h_samples\":[1],\"lanes\":[]}\n\n"
         "{\"raw_file\":\"a\",\"h_samples\":[1],\"lanes\":[]}",
         "l.json:3: raw_file 'a' is also in line 1"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(take(bad[i].text, true), ERR_FORMAT, "%s", bad[i].text);
        cr_assert(strstr(why.text, bad[i].says), "'%s' does not say '%s'", why.text, bad[i].says);
    }
    cr_assert_eq(lane_labels_read("no/such", true, &labels, &why), ERR_IO);
}
