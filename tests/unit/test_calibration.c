#include "sim/calibration.h"

#include <criterion/criterion.h>
#include <string.h>

static struct camera camera;
static struct why why;

static enum err parse(const char *text)
{
    return calibration_parse(text, strlen(text), "c.yaml", &camera, &why);
}

Test(calibration, yaml_and_json)
{
    cr_assert_eq(parse("# a camera\nwidth: 640\nheight: 480\nfx: 500.5\nfy: 501\ncx: 320\ncy: 240\n"
                       "z_m: 1.4\npitch_rad: -0.02\ndistortion: [0.1, -0.2]\nmodel: fisheye\n"),
                 OK, "%s", why.text);
    cr_assert(camera.width == 640 && camera.height == 480 && camera.fx == 500.5f);
    cr_assert(camera.model == CAMERA_FISHEYE && camera.distortion[1] == -0.2f);
    cr_assert(camera.pitch_rad == -0.02f && camera.x_m == 0);
    cr_assert_eq(parse("{\"width\": 640, \"height\": 480, \"fx\": 5e2, \"fy\": 500, \"cx\": 320,\n"
                       " \"cy\": 240, \"z_m\": 1.4, \"sigma_z_m\": 0.1}"),
                 OK, "%s", why.text);
    cr_assert(camera.model == CAMERA_PINHOLE && camera.fx == 500 && camera.sigma_z_m == 0.1f);
}

Test(calibration, broken)
{
    static const struct {
        const char *text, *word;
    } bad[] = {
        {"", "c.yaml: no 'key: value' lines"},
        {"- 1\n", "c.yaml: no 'key: value' lines"},
        {"width: [1\n", "c.yaml:2: "},
        {"width: 640\nheigth: 480\n", "c.yaml:2: calibration: 'heigth' is no key of it"},
        {"width: 640\nheight: 480.5\n", "c.yaml:2: height: '480.5' is no whole number"},
        {"width: 640\nfx: fast\n", "c.yaml:2: fx: 'fast' is no number"},
        {"fx: .nan\n", "c.yaml:1: fx: '.nan' is no number"},
        {"fx: {}\n", "c.yaml:1: fx: '(not one value)' is no number"},
        {"model: square\n", "c.yaml:1: model: 'square' is neither pinhole nor fisheye"},
        {"distortion: 3\n", "c.yaml:1: distortion: '3' is no list"},
        {"distortion: [1,2,3,4,5,6,7,8,9]\n", "more than 8 numbers"},
        {"width: 640\n", "c.yaml: height is missing"},
        {"{width: 640, height: 480, fx: -5, fy: 5, cx: 320, cy: 240, z_m: 1}", "c.yaml: "},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_neq(parse(bad[i].text), OK, "%s", bad[i].text);
        cr_expect(strstr(why.text, bad[i].word), "%s", why.text);
    }
}
