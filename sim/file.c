#include "sim/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err read_all(struct file *f, int fd, const char *path, size_t max, struct why *why)
{
    struct stat s;

    if (fstat(fd, &s))
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(s.st_mode))
        return err_say(why, ERR_IO, "%s: not a regular file", path);
    if ((size_t)s.st_size > max)
        return err_say(why, ERR_LIMIT, "%s: %jd bytes, limit %zu", path, (intmax_t)s.st_size, max);
    if ((size_t)s.st_size >= f->capacity) {
        char *text = realloc(f->text, (size_t)s.st_size + 1);

        if (!text)
            return err_say(why, ERR_NOMEM, "%s: no memory for %jd bytes", path,
                           (intmax_t)s.st_size);
        f->text = text;
        f->capacity = (size_t)s.st_size + 1;
    }
    f->size = 0;
    while (f->size + 1 < f->capacity) { /* not beyond what was there when we looked */
        ssize_t n = read(fd, f->text + f->size, f->capacity - 1 - f->size);

        if (n < 0 && errno != EINTR)
            return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
        if (n == 0)
            break;
        f->size += n > 0 ? (size_t)n : 0;
    }
    f->text[f->size] = 0;
    if (f->size > max)
        return err_say(why, ERR_LIMIT, "%s: grows while it is read, limit %zu", path, max);
    return OK;
}

enum err file_read(struct file *f, const char *path, size_t max, struct why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us up */

    if (fd < 0)
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    enum err e = read_all(f, fd, path, max, why);
    close(fd);
    return e;
}

enum err file_put(const char *path, const void *data, size_t size, struct why *why)
{
    char part[FILE_MAX_PATH];
    FILE *f;
    bool good;

    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        return err_say(why, ERR_LIMIT, "%.200s: the path is too long", path);
    if (!(f = fopen(part, "wbe")))
        return err_say(why, ERR_IO, "%.250s: %s", part, strerror(errno));
    good = fwrite(data, 1, size, f) == size;
    good = fclose(f) == 0 && good;
    if (good && rename(part, path) == 0)
        return OK;
    return err_say(why, ERR_IO, "%.250s: %s", path, strerror(errno));
}

void file_finish(struct file *f)
{
    free(f->text);
    *f = (struct file){0};
}

bool file_exists(const char *path)
{
    struct stat s;

    return !stat(path, &s) && S_ISREG(s.st_mode);
}

bool folder_exists(const char *path)
{
    struct stat s;

    return !stat(path, &s) && S_ISDIR(s.st_mode);
}

bool path_join(char out[FILE_MAX_PATH], const char *folder, const char *name)
{
    int n = snprintf(out, FILE_MAX_PATH, "%s/%s", folder, name);

    return n > 0 && n < FILE_MAX_PATH;
}

bool file_line(const struct file *f, size_t *at, const char **line, size_t *size)
{
    const char *stop = *at < f->size ? memchr(f->text + *at, '\n', f->size - *at) : NULL;

    if (!stop)
        return false;
    *line = f->text + *at;
    *size = (size_t)(stop - *line);
    *at += *size + 1;
    return true;
}
