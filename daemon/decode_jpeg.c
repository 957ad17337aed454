#include "daemon/decode_internal.h"

/* CMYK and YCCK pictures come as four inks; Adobe's files, the usual ones, store them inverted. */
static const char *colour_space(int c)
{
    return c == TJCS_CMYK ? "CMYK" : c == TJCS_YCCK ? "YCCK" : NULL;
}

static enum err decode(const struct decode_job *job)
{
    tjhandle jpeg = job->decoder->jpeg;
    /* A truncated file is only a warning to the library, and grey pixels to us. */
    const int flags = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
    unsigned long size = (unsigned long)job->bytes.size;
    int width = 0, height = 0, sampling = 0, space = TJCS_RGB; /* untouched where tables are all */
    enum err e;

    if (tjDecompressHeader3(jpeg, job->bytes.data, size, &width, &height, &sampling, &space) != 0)
        return err_say(job->why, ERR_FORMAT, "JPEG: %s", tjGetErrorStr2(jpeg));
    if (colour_space(space))
        return err_say(job->why, ERR_UNSUPPORTED,
                       "JPEG: is %s, made for printing; send RGB or grey", colour_space(space));
    if ((e = decode_size(job, width, height)) != OK)
        return e;
    if (tjDecompress2(jpeg, job->bytes.data, size, job->out->data, width, job->out->stride_bytes,
                      height, TJPF_RGB, flags) != 0)
        return err_say(job->why, ERR_FORMAT, "JPEG: %s", tjGetErrorStr2(jpeg));
    return OK;
}

/* After a picture that ends within its header, libjpeg-turbo 2.1 takes the next, good one for
 * broken too. So a handle that failed is not used again. */
enum err decode_jpeg(const struct decode_job *job)
{
    struct decoder *d = job->decoder;
    enum err e;

    if (!d->jpeg && !(d->jpeg = tjInitDecompress()))
        return err_say(job->why, ERR_NOMEM, "JPEG: no memory");
    e = decode(job);
    if (e != OK) {
        tjDestroy(d->jpeg);
        d->jpeg = NULL;
    }
    return e;
}
