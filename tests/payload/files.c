// Deeds on files.
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "payload.h"

// HOW: r, w or rw.
static void open_file(int argc, char** argv) {
  (void)argc;
  const int flags = strcmp(argv[2], "r") == 0   ? O_RDONLY
                    : strcmp(argv[2], "w") == 0 ? O_WRONLY
                                                : O_RDWR;
  const int fd = open(argv[1], flags | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  tell(fd);
  if (fd >= 0) close(fd);
}

// Makes or truncates, writes TEXT.
static void write_file(int argc, char** argv) {
  (void)argc;
  const int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) {
    tell(-1);
    return;
  }
  tell(write(fd, argv[2], strlen(argv[2])));
  close(fd);
}

static void make_directory(int argc, char** argv) {
  (void)argc;
  tell(mkdir(argv[1], 0777));
}

static void make_link(int argc, char** argv) {
  (void)argc;
  tell(symlink(argv[1], argv[2]));
}

static int remove_one(const char* path, const struct stat* status, int kind, struct FTW* walk) {
  (void)status, (void)kind, (void)walk;
  return remove(path);
}

static void remove_all(int argc, char** argv) {
  (void)argc;
  tell(nftw(argv[1], remove_one, 16, FTW_DEPTH | FTW_PHYS));
}

static void change_owner(int argc, char** argv) {
  (void)argc;
  tell(lchown(argv[1], (uid_t)number(argv[2]), (gid_t)number(argv[3])));
}

static void change_mode(int argc, char** argv) {
  (void)argc;
  tell(chmod(argv[1], (mode_t)number(argv[2])));
}

static void change_root(int argc, char** argv) {
  (void)argc;
  tell(chroot(argv[1]));
}

static void change_directory(int argc, char** argv) {
  (void)argc;
  tell(chdir(argv[1]));
}

// PATH KIND MAJOR MINOR; KIND: c or b.
static void make_device(int argc, char** argv) {
  (void)argc;
  const mode_t kind = argv[2][0] == 'b' ? S_IFBLK : S_IFCHR;
  tell(mknod(argv[1], kind | 0666, makedev((unsigned)number(argv[3]), (unsigned)number(argv[4]))));
}

// Gives a program cap_net_raw+ep, as a version 2 capability.
static void set_file_capability(int argc, char** argv) {
  (void)argc;
  static const unsigned char value[20] = {1, 0, 0, 2, 0, 0x20};
  tell(setxattr(argv[1], "security.capability", value, sizeof value, 0));
}

static void copy_file(int argc, char** argv) {
  (void)argc;
  const int from = open(argv[1], O_RDONLY | O_CLOEXEC);
  if (from < 0) {
    tell(-1);
    return;
  }
  const int to = open(argv[2], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
  if (to < 0) {
    tell(-1);
    return;
  }
  char buffer[65536];
  ssize_t count;
  while ((count = read(from, buffer, sizeof buffer)) > 0)
    if (write(to, buffer, (size_t)count) != count) {
      tell(-1);
      return;
    }
  tell(count);
  close(from);
  close(to);
}

const struct deed file_deeds[] = {
    {"open", 2, open_file},    {"write", 2, write_file},           {"mkdir", 1, make_directory},
    {"symlink", 2, make_link}, {"remove", 1, remove_all},          {"chown", 3, change_owner},
    {"chmod", 2, change_mode}, {"chroot", 1, change_root},         {"chdir", 1, change_directory},
    {"mknod", 4, make_device}, {"setcap", 1, set_file_capability}, {"copy", 2, copy_file},
    {NULL, 0, NULL},
};
