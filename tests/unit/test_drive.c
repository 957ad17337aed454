#include "sim/drive.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/folder.h"
#include "tests/models.h"

static struct folder f;
static struct drive *drive;
static struct why why;

static void setup(void)
{
    folder_make(&f);
}

static void teardown(void)
{
    drive_close(drive);
    folder_remove(&f);
}

TestSuite(drive, .init = setup, .fini = teardown);

static enum err open_with(const char *path, struct drive_options o)
{
    drive_close(drive);
    why.text[0] = 0;
    return drive_open(path, &o, &drive, &why);
}

static void opens(const char *name)
{
    cr_assert_eq(open_with(folder_path(&f, name), (struct drive_options){0}), OK, "%s", why.text);
}

static void refuses(const char *name, enum err e, const char *word)
{
    cr_expect_eq(open_with(folder_path(&f, name), (struct drive_options){0}), e, "%s", why.text);
    cr_expect_null(drive);
    cr_expect(strstr(why.text, word), "%s", why.text);
}

static void put_pictures(const char *folder, int n)
{
    char name[160];

    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s/%010d.png", folder, i);
        folder_put(&f, name, "\x89PNG....", 8);
    }
}

static const char calibration[] = "S_rect_02: 1242 375\n"
                                  "P_rect_02: 720 0 609.5 45 0 720 172.5 0 0 0 1 0\n"
                                  "S_rect_03: 1242 375\n"
                                  "P_rect_03: 720 0 609.5 -360 0 720 172.5 0 0 0 1 0\n";

static void put_kitti(const char *drive_name, int n)
{
    char name[128];

    snprintf(name, sizeof name, "%s/image_02/data", drive_name);
    put_pictures(name, n);
    snprintf(name, sizeof name, "%s/image_02/timestamps.txt", drive_name);
    folder_put_text(&f, name,
                    "2011-09-26 13:02:25.9\n2011-09-26 13:02:26.0\n"
                    "2011-09-26 13:02:26.15\n");
    snprintf(name, sizeof name, "%s/oxts/data/0000000001.txt", drive_name);
    folder_put_text(&f, name, "0 0 0 0 0 0 0 0 8.5 0 0 0 0 0 0 0 0 0 0 0 0 0 0.1 0 0 0 0 0 0 0\n");
    folder_put_text(&f, "date/calib_cam_to_cam.txt", calibration);
}

Test(drive, a_folder_or_the_one_above)
{
    struct drive_frame frame;

    folder_put(&f, "images/10.jpg", "\xff\xd8 ten", 6);
    folder_put(&f, "images/9.png", "\x89PNG nine", 9);
    folder_put(&f, "images/11.jpg", "\x89PNG eleven", 11); /* a PNG under a false name */
    folder_put_text(&f, "images/readme.txt", "no picture");
    for (int i = 0; i < 2; i++) {
        opens(i ? "images" : ".");
        cr_assert_eq(drive_frames(drive), 3);
        cr_assert_null(drive_camera(drive));
        cr_assert_eq(drive_frame(drive, 0, &frame, &why), OK, "%s", why.text);
        cr_assert_str_eq(frame.name, "9.png");
        cr_assert_eq(frame.header.encoding, ENCODING_PNG);
        cr_assert_eq(drive_frame(drive, 1, &frame, &why), OK, "%s", why.text);
        cr_assert(frame.header.frame_id == 1 && frame.header.t_sof_ns == 100000000);
        cr_assert(frame.header.clock_id == CLOCK_ID_SIM && frame.header.encoding == ENCODING_JPEG);
        cr_assert(frame.pixels.size == 6 && !memcmp(frame.pixels.data, "\xff\xd8 ten", 6));
        cr_assert_eq(drive_frame(drive, 2, &frame, &why), OK);
        cr_assert_eq(frame.header.encoding, ENCODING_PNG);
    }
}

Test(drive, times)
{
    char what[200];

    put_pictures("images", 3);
    folder_put_text(&f, "set.json", "{\"rate_hz\": 25}");
    opens(".");
    cr_assert_eq(drive_time_ns(drive, 2), 80000000);
    drive_describe(drive, what, sizeof what);
    cr_assert_str_eq(what, "3 pictures in images, 25 Hz (set.json), calibration: none");
    folder_put_text(&f, "times.txt", "5.0\n5.1\n5.4\n"); /* comes before set.json */
    opens("images");
    cr_assert_eq(drive_time_ns(drive, 2), 5400000000);
    cr_assert_eq(drive_period_ns(drive), 200000000);
    folder_put_text(&f, "images/timestamps.csv",
                    "0000000002.png,9.0\n1.0,0000000000.png\n"
                    "0000000001.png,2.0\n");
    opens("images"); /* the nearer one */
    cr_assert_eq(drive_time_ns(drive, 2), 9000000000);
    cr_assert_eq(open_with(folder_path(&f, "."), (struct drive_options){.rate_hz = 4}), OK);
    cr_assert_eq(drive_time_ns(drive, 2), 500000000);
}

Test(drive, broken_times)
{
    put_pictures("images", 3);
    folder_put_text(&f, "images/times.txt", "1\n2\nthree\n");
    refuses("images", ERR_FORMAT, "/images/times.txt:3: 'three' is not a time");
    folder_put_text(&f, "images/times.txt", "1\n3\n2\n");
    refuses(".", ERR_FORMAT, "/images/times.txt:3: '2' is not later");
    unlink(folder_path(&f, "images/times.txt"));
    folder_put_text(&f, "set.json", "{\"rate_hz\": -25}");
    refuses(".", ERR_FORMAT, "set.json: rate_hz is -25, must be");
    folder_put_text(&f, "set.json", "{\n\"rate_hz\": ,}");
    refuses(".", ERR_FORMAT, "set.json:2: ");
    cr_assert_eq(open_with(folder_path(&f, "."), (struct drive_options){.rate_hz = 4}), OK);
}

Test(drive, pattern)
{
    struct drive_frame frame;

    put_pictures("images", 12);
    cr_assert_eq(open_with(f.path, (struct drive_options){.pattern = "*1?.png"}), OK);
    cr_assert_eq(drive_frames(drive), 2);
    cr_assert_eq(drive_frame(drive, 1, &frame, &why), OK);
    cr_assert_str_eq(frame.name, "0000000011.png");
    cr_assert(frame.header.frame_id == 1 && frame.header.t_sof_ns == 100000000);
    cr_assert_eq(open_with(f.path, (struct drive_options){.pattern = "swr_*"}), ERR_IO);
    cr_assert(strstr(why.text, "no picture is called like 'swr_*'"), "%s", why.text);
}

Test(drive, kitti_from_every_door)
{
    static const char *const doors[] = {"date", "date/d_0001_sync", "date/d_0001_sync/image_02",
                                        "date/d_0001_sync/image_02/data"};
    struct ego ego;

    put_kitti("date/d_0001_sync", 3);
    for (int i = 0; i < 4; i++) {
        opens(doors[i]);
        cr_assert_eq(drive_frames(drive), 3);
        cr_assert_eq(drive_time_ns(drive, 2), 1317042146150000000);
        cr_assert_not_null(drive_camera(drive));
        cr_assert_float_eq(drive_camera(drive)->y_m, 0.0625f, 1e-6f);
        cr_assert_eq(drive_ego(drive, 0, &ego, &why), ERR_AGAIN);
        cr_assert_eq(drive_ego(drive, 1, &ego, &why), OK, "%s", why.text);
        cr_assert(ego.speed_mps == 8.5f && ego.t_ns == 1317042146000000000);
        cr_assert_eq(ego.clock_id, CLOCK_ID_SIM);
    }
    folder_put_text(&f, "date/d_0001_sync/oxts/data/0000000002.txt", "1 2 3");
    cr_assert_eq(drive_ego(drive, 2, &ego, &why), ERR_FORMAT);
    cr_assert(strstr(why.text, "0000000002.txt: 3 numbers"), "%s", why.text);
    put_pictures("date/d_0001_sync/image_03/data", 2);
    opens("date/d_0001_sync/image_03");
    cr_assert_float_eq(drive_camera(drive)->y_m, -0.5f, 1e-6f);
    put_kitti("date/d_0002_sync", 1);
    refuses("date", ERR_MISMATCH, "holds 2 drives");
}

Test(drive, own_calibration)
{
    put_pictures("images", 1);
    folder_put_text(&f, "calib/calib_cam_to_cam.txt", "%s", calibration);
    opens("images");
    cr_assert_eq(drive_camera(drive)->fx, 720);
    folder_put_text(&f, "calibration.yaml",
                    "{width: 64, height: 48, fx: 50, fy: 50, cx: 32, cy: 24, z_m: 1.4}");
    opens("images");
    cr_assert_eq(drive_camera(drive)->fx, 50);
    cr_assert_eq(drive_camera(drive)->sigma_pitch_rad, 0.005f);
    folder_put_text(&f, "calibration.yaml", "{width: 64}");
    refuses("images", ERR_FORMAT, "calibration.yaml: height is missing");
}

Test(drive, what_is_no_drive)
{
    refuses("nowhere", ERR_IO, "nowhere: No such file");
    folder_put_text(&f, "film.mp4", "x");
    refuses("film.mp4", ERR_UNSUPPORTED, "is a file; a drive is a folder");
    refuses(".", ERR_IO, "no PNG or JPEG files");
    mkdir(folder_path(&f, "images"), 0777);
    refuses(".", ERR_IO, "no PNG or JPEG files");
    cr_assert_eq(symlink("loop", folder_path(&f, "loop")), 0);
    refuses("loop", ERR_IO, "Too many levels");
    cr_assert_eq(symlink(".", folder_path(&f, "data")), 0); /* itself, deeper and deeper */
    refuses(".", ERR_IO, "no PNG or JPEG files");
}

Test(drive, unreadable_files_leave_the_others)
{
    struct drive_frame frame;

    put_pictures("images", 3);
    folder_put(&f, "images/0000000003.png", "", 0);
    opens(".");
    unlink(folder_path(&f, "images/0000000001.png"));
    cr_assert_eq(mkfifo(folder_path(&f, "images/0000000001.png"), 0666), 0);
    cr_assert_eq(truncate(folder_path(&f, "images/0000000002.png"), FRAME_MAX_PIXEL_BYTES + 1), 0);
    cr_assert_eq(drive_frame(drive, 1, &frame, &why), ERR_IO);
    cr_assert(strstr(why.text, "0000000001.png: not a regular file"), "%s", why.text);
    cr_assert_eq(drive_frame(drive, 2, &frame, &why), ERR_LIMIT);
    cr_assert(strstr(why.text, "67108865 bytes, limit 67108864"), "%s", why.text);
    cr_assert_eq(drive_frame(drive, 3, &frame, &why), ERR_IO);
    cr_assert(strstr(why.text, "empty"), "%s", why.text);
    cr_assert_eq(drive_frame(drive, 0, &frame, &why), OK);
}

/* ---- shared drives ---- */

Test(drive, kitti_sequence)
{
    need_shared();
    cr_assert_eq(open_with(shared_path("data/kitti_sequence"), (struct drive_options){0}), OK, "%s",
                 why.text);
    cr_assert_eq(drive_frames(drive), 78);
    cr_assert_eq(drive_period_ns(drive), 100000000);
    cr_assert_float_eq(drive_camera(drive)->fx, 721.5377f, 1e-3f);
    cr_assert_eq(open_with(shared_path("data/kitti_sequence/png"), (struct drive_options){0}), OK,
                 "%s", why.text);
    cr_assert_eq(drive_frames(drive), 10);
    cr_assert_not_null(drive_camera(drive));
}

Test(drive, udacity)
{
    need_shared();
    cr_assert_eq(
        open_with(shared_path("data/lanes_udacity/train"), (struct drive_options){"swr_*", 25}), OK,
        "%s", why.text);
    cr_assert_eq(drive_frames(drive), 221);
    cr_assert_eq(drive_period_ns(drive), 40000000);
}
