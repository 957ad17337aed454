#include "daemon/cli/track_rows.h"

#include <criterion/criterion.h>
#include <string.h>

#include "daemon/cli/track_files.h"
#include "tests/folder.h"

static struct track_rows rows;
static struct why why;

static const struct track_reading cars = {TRACKS_KITTI, "car", true},
                                  car_tracks = {TRACKS_KITTI, "car", false},
                                  people = {TRACKS_MOT, "pedestrian", true};

static enum err take(const struct track_reading *how, const char *text)
{
    FILE *f = fmemopen((void *)text, strlen(text), "r");
    enum err e = track_rows_take(f, "t.txt", how, &rows, &why);

    fclose(f);
    return e;
}

Test(track_rows, kitti_labels)
{
    cr_assert_eq(take(&cars, "1 4 Car 0 2 0.1 10 20 30 40.5 1 1 1 1 1 1 1\r\n"
                             "\n"
                             "0 3 Car 1 0 0 1 2 3 4\n"
                             "0 2 Car 0 3 0 1 2 3 4\n"
                             "0 -1 DontCare -1 -1 -10 5 6 7 8 -1\n"
                             "0 1 Van 0 0 0 1 2 3 4\n"
                             "0 -1 DontCare -1 -1 -10 5 6 7 8 -1\n"
                             "0 9 Cyclist 0 0 0 1 2 3 4\n"),
                 OK, "%s", why.text);
    cr_assert_eq(rows.n, 6);
    cr_assert_eq(rows.row[0].role, TRACK_IGNORED, "a van");
    cr_assert_eq(rows.row[1].role, TRACK_IGNORED, "hidden");
    cr_assert_eq(rows.row[2].role, TRACK_IGNORED, "cut");
    cr_assert_eq(rows.row[3].role, TRACK_REGION);
    cr_assert_eq(rows.row[5].role, TRACK_COUNTS);
    cr_assert_eq(rows.row[5].id, 4);
    cr_assert_eq(rows.row[5].box.y2, 40.5);
    track_rows_finish(&rows);
}

Test(track_rows, kitti_tracks)
{
    cr_assert_eq(take(&car_tracks, "0 3 Car -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10 0.5\n"
                                   "0 4 Van -1 -1 -10 1 2 3 4\n"
                                   "0 3 Pedestrian -1 -1 -10 1 2 3 4\n"),
                 OK, "%s", why.text);
    cr_assert_eq(rows.n, 1, "an id may be used once a class");
    cr_assert_eq(rows.row[0].role, TRACK_COUNTS);
    track_rows_finish(&rows);
}

Test(track_rows, mot_labels)
{
    cr_assert_eq(take(&people, "1,1,10,20,30,40,1,1,0.5\n"
                               "1,2,10,20,30,40,0,1,0.5\n"
                               "1,3,10,20,30,40,1,3,0.5\n"
                               "1,4,10,20,30,40,0,8,0.5\n"
                               "2,4,10,20,30,40,1,-1,-1,-1\n"
                               "3,4,10,20,30,40\n"),
                 OK, "%s", why.text);
    cr_assert_eq(rows.n, 6);
    cr_assert_eq(rows.row[0].role, TRACK_COUNTS);
    cr_assert_eq(rows.row[0].box.x2, 40);
    cr_assert_eq(rows.row[1].role, TRACK_LEFT_OUT);
    cr_assert_eq(rows.row[2].role, TRACK_LEFT_OUT);
    cr_assert_eq(rows.row[3].role, TRACK_IGNORED);
    cr_assert_eq(rows.row[4].role, TRACK_COUNTS, "no classes are told");
    cr_assert_eq(rows.row[5].role, TRACK_COUNTS);
    track_rows_finish(&rows);
}

Test(track_rows, what_is_wrong_is_named)
{
    static const struct {
        const struct track_reading *how;
        const char *text, *says;
    } bad[] = {
        {&cars, "0 1 Car 0 0 0 1 2 3\n", "t.txt:1: y2 is missing, the line has 9 fields"},
        {&cars, "\n0 1 Dog 0 0 0 1 2 3 4\n", "t.txt:2: type is 'Dog'"},
        {&cars, "0 1\n", "t.txt:1: type is missing"},
        {&cars, "0.5 1 Car 0 0 0 1 2 3 4\n", "frame is '0.5', must be a whole number"},
        {&cars, "-1 1 Car 0 0 0 1 2 3 4\n", "frame is '-1'"},
        {&cars, "0 x Car 0 0 0 1 2 3 4\n", "id is 'x'"},
        {&cars, "0 1 Car 0 0 0 1 nan 3 4\n", "y1 is 'nan'"},
        {&cars, "0 1 Car 0 0 0 5 2 3 4\n", "x2 is '3', must be at least as large"},
        {&cars, "0 1 Car 0 b 0 1 2 3 4\n", "occluded is 'b'"},
        {&cars, "0 1 Car 0 0 0 1 2 3 4\n0 1 Van 0 0 0 1 2 3 4\n",
         "t.txt:2: frame 0 has id 1 already in line 1"},
        {&people, "0,1,1,2,3,4,1,1\n", "frame is '0'"},
        {&people, "1,1,1,2,-3,4,1,1\n", "width is '-3'"},
        {&people, "1,1,1,2,3,4,1,1.5\n", "class is '1.5'"},
        {&people, "1,1,1,2,3\n", "height is missing"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(take(bad[i].how, bad[i].text), ERR_FORMAT, "%s", bad[i].text);
        cr_assert(strstr(why.text, bad[i].says), "'%s' does not say '%s'", why.text, bad[i].says);
        cr_assert_null(rows.row);
    }
}

Test(track_rows, long_lines_and_missing_files)
{
    char text[2000];

    memset(text, '1', sizeof text);
    text[sizeof text - 1] = 0;
    cr_assert_eq(take(&cars, text), ERR_LIMIT);
    cr_assert(strstr(why.text, "t.txt:1: line is longer"), "%s", why.text);
    cr_assert_eq(track_rows_read("no/such.txt", &cars, &rows, &why), ERR_IO);
    cr_assert(strstr(why.text, "no/such.txt: No such file"), "%s", why.text);
}

/* ---- which files ----------------------------------------------------------------------------- */
Test(track_files, folders)
{
    struct folder f;
    struct track_files files;
    const char *only = "b", *none = "c";
    char truth[96], tracks[96];

    folder_make(&f);
    folder_put_text(&f, "truth/a.txt", "%s", "");
    folder_put_text(&f, "truth/b/gt/gt.txt", "%s", "");
    folder_put_text(&f, "truth/other/x", "%s", "");
    folder_put_text(&f, "tracks/a.txt", "%s", "");
    snprintf(truth, sizeof truth, "%s/truth", f.path);
    snprintf(tracks, sizeof tracks, "%s/tracks", f.path);
    cr_assert_eq(track_files_list(truth, tracks, NULL, 0, &files, &why), ERR_IO);
    cr_assert(strstr(why.text, "b: there are labels for it, but no "), "%s", why.text);
    folder_put_text(&f, "tracks/b.txt", "%s", "");
    cr_assert_eq(track_files_list(truth, tracks, NULL, 0, &files, &why), OK, "%s", why.text);
    cr_assert_eq(files.n, 2);
    cr_assert_str_eq(files.pair[0].name, "a");
    cr_assert_str_eq(files.pair[1].name, "b");
    cr_assert(strstr(files.pair[1].truth, "b/gt/gt.txt"));
    track_files_finish(&files);
    cr_assert_eq(track_files_list(truth, tracks, &only, 1, &files, &why), OK);
    cr_assert_eq(files.n, 1);
    track_files_finish(&files);
    cr_assert_eq(track_files_list(truth, tracks, &none, 1, &files, &why), ERR_FORMAT);
    cr_assert(strstr(why.text, "no sequence 'c'"), "%s", why.text);
    cr_assert_eq(track_files_list(folder_path(&f, "truth/a.txt"), tracks, NULL, 0, &files, &why),
                 ERR_FORMAT);
    cr_assert_eq(track_files_list(folder_path(&f, "truth/other"), tracks, NULL, 0, &files, &why),
                 ERR_FORMAT);
    cr_assert(strstr(why.text, "no *.txt"), "%s", why.text);
    cr_assert_eq(track_files_list("no/such", tracks, NULL, 0, &files, &why), ERR_IO);
    folder_remove(&f);
}
