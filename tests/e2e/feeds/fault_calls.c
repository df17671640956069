// Makes one system call of a program fail: put before it by LD_PRELOAD. Counts the calls of open,
// read, pread, write and pwrite on files whose path contains $FAULT_PATH, from 0, and lets number
// $FAULT_CALL fail with $FAULT_ERRNO; writes their count to $FAULT_COUNT at the end. A file counts
// by the path that it was opened by.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define FILES 65536

static atomic_long calls;
static atomic_char watched[FILES];

static long number_of(const char* name) {
  const char* text = getenv(name);
  return text == NULL ? -1 : atol(text);
}

// True when this call is the one that fails.
static int fails(void) {
  if (atomic_fetch_add(&calls, 1) != number_of("FAULT_CALL")) {
    return 0;
  }
  errno = (int)number_of("FAULT_ERRNO");
  return 1;
}

static int is_watched(int fd) { return fd >= 0 && fd < FILES && watched[fd]; }

static int opened(int fd, int is_one) {
  if (fd >= 0 && fd < FILES) {
    watched[fd] = (char)is_one;
  }
  return fd;
}

static int matches(const char* path) {
  const char* part = getenv("FAULT_PATH");
  return part != NULL && path != NULL && strstr(path, part) != NULL;
}

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

#define OPEN(name)                                                        \
  int name(const char* path, int flags, ...) {                            \
    va_list more;                                                         \
    va_start(more, flags);                                                \
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0; \
    va_end(more);                                                         \
    const int is_one = matches(path);                                     \
    if (is_one && fails()) {                                              \
      return -1;                                                          \
    }                                                                     \
    return opened(REAL(name)(path, flags, mode), is_one);                 \
  }

OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                      \
  int name(int folder, const char* path, int flags, ...) {                \
    va_list more;                                                         \
    va_start(more, flags);                                                \
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0; \
    va_end(more);                                                         \
    const int is_one = matches(path);                                     \
    if (is_one && fails()) {                                              \
      return -1;                                                          \
    }                                                                     \
    return opened(REAL(name)(folder, path, flags, mode), is_one);         \
  }

OPENAT(openat)
OPENAT(openat64)

ssize_t read(int fd, void* out, size_t size) {
  return is_watched(fd) && fails() ? -1 : REAL(read)(fd, out, size);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  return is_watched(fd) && fails() ? -1 : REAL(write)(fd, bytes, size);
}

ssize_t pread(int fd, void* out, size_t size, off_t at) {
  return is_watched(fd) && fails() ? -1 : REAL(pread)(fd, out, size, at);
}

ssize_t pread64(int fd, void* out, size_t size, off64_t at) {
  return is_watched(fd) && fails() ? -1 : REAL(pread64)(fd, out, size, at);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  return is_watched(fd) && fails() ? -1 : REAL(pwrite)(fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  return is_watched(fd) && fails() ? -1 : REAL(pwrite64)(fd, bytes, size, at);
}

__attribute__((destructor)) static void tell(void) {
  const char* path = getenv("FAULT_COUNT");
  FILE* file = path == NULL ? NULL : fopen(path, "w");
  if (file != NULL) {
    fprintf(file, "%ld", (long)calls);
    fclose(file);
  }
}
