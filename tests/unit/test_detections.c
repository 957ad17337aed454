#include "daemon/cli/detections.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct detections d;
static struct why why;
static struct detections_logit logit = {1, 0};

static enum err read_text(const char *text, enum detections_format format)
{
    char path[] = "/tmp/outrider-detections-XXXXXX";
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    enum err e = detections_read(path, format, logit, &d, &why);
    unlink(path);
    return e;
}

Test(detections, kitti_with_commas)
{
    cr_assert_eq(read_text("2,2,10.5,20,110,80.25,3.0,1.5,1.6,4,1,2,3,0,0\n"
                           "\n"
                           "0,1,1,2,3,4,-1.0\r\n"
                           "2,3,5,6,7,8,4.0,1\n",
                           DETECTIONS_KITTI),
                 OK, "%s", why.text);
    cr_assert_eq(d.n, 3);
    cr_assert_eq(d.row[0].frame, 0);
    cr_assert_eq(d.row[0].detection.class, OBJECT_PERSON);
    cr_assert_float_eq(d.row[0].detection.score, 0.26894f, 1e-4); /* logits */
    cr_assert_eq(d.row[1].detection.class, OBJECT_CYCLIST, "best first");
    cr_assert_eq(d.row[2].detection.class, OBJECT_CAR);
    cr_assert_float_eq(d.row[2].detection.box_px.x1, 10.5f, 1e-6);
    cr_assert_float_eq(d.row[2].detection.box_px.y2, 80.25f, 1e-6);
    detections_finish(&d);
}

Test(detections, kitti_results)
{
    cr_assert_eq(read_text("7 3 Van 0 0 -1.5 296.7 161.7 455.2 292.3 2 1.8 4.4 -4 1.8 13 -2 0.75\n"
                           "7 -1 DontCare -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10\n",
                           DETECTIONS_KITTI),
                 OK, "%s", why.text);
    cr_assert_eq(d.n, 1);
    cr_assert_eq(d.row[0].frame, 7);
    cr_assert_eq(d.row[0].detection.class, OBJECT_CAR);
    cr_assert_float_eq(d.row[0].detection.score, 0.75f, 1e-6); /* probabilities */
    cr_assert_float_eq(d.row[0].detection.box_px.x2, 455.2f, 1e-3);
    detections_finish(&d);
}

Test(detections, mot)
{
    cr_assert_eq(read_text("1,-1,100,50,30,60,0.9,-1,-1,-1\n", DETECTIONS_MOT), OK, "%s", why.text);
    cr_assert_eq(d.n, 1);
    cr_assert_eq(d.row[0].frame, 1);
    cr_assert_eq(d.row[0].detection.class, OBJECT_PERSON);
    cr_assert_float_eq(d.row[0].detection.box_px.x2, 130, 1e-6);
    cr_assert_float_eq(d.row[0].detection.box_px.y2, 110, 1e-6);
    detections_finish(&d);
}

static void expect_complaint(const char *text, enum detections_format format, enum err e,
                             const char *says)
{
    cr_assert_eq(read_text(text, format), e);
    cr_assert(strstr(why.text, says), "'%s' does not say '%s'", why.text, says);
    cr_assert_null(d.row);
}

Test(detections, complaints_name_line_field_and_limit)
{
    char longer[4096];

    expect_complaint("0,2,1,2,3,4,5\n0,2,1,2,x,4,5\n", DETECTIONS_KITTI, ERR_FORMAT,
                     ":2: x2 is 'x', must be a number of -100000 to 100000");
    expect_complaint("0,2,1,2,nan,4,5\n", DETECTIONS_KITTI, ERR_FORMAT, "x2 is 'nan'");
    expect_complaint("0,2,1,2\n", DETECTIONS_KITTI, ERR_FORMAT, "x2 is missing");
    expect_complaint("0.5,2,1,2,3,4,5\n", DETECTIONS_KITTI, ERR_FORMAT, "frame is '0.5'");
    expect_complaint("-1,2,1,2,3,4,5\n", DETECTIONS_KITTI, ERR_FORMAT, "frame is '-1'");
    expect_complaint("0,-1,1,2,3,4,5\n", DETECTIONS_MOT, ERR_FORMAT, "frame is '0'");
    memset(longer, '1', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    expect_complaint(longer, DETECTIONS_KITTI, ERR_LIMIT, "longer than 1022 bytes");
    cr_assert_eq(detections_read("/nonexistent", DETECTIONS_MOT, logit, &d, &why), ERR_IO);
    cr_assert(strstr(why.text, "/nonexistent"));
    detections_finish(&d);
}

Test(detections, logits_are_scaled_probabilities_are_not)
{
    logit = (struct detections_logit){0.5f, -1};
    cr_assert_eq(read_text("0,2,1,2,3,4,2.0\n0,2,5,2,9,4,4.0\n", DETECTIONS_KITTI), OK);
    cr_assert_float_eq(d.row[0].detection.score, 0.731059f, 1e-5);
    cr_assert_float_eq(d.row[1].detection.score, 0.5f, 1e-5);
    detections_finish(&d);
    cr_assert_eq(read_text("0,2,1,2,3,4,0.25\n", DETECTIONS_KITTI), OK);
    cr_assert_float_eq(d.row[0].detection.score, 0.25f, 1e-6);
    detections_finish(&d);
}
