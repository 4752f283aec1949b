// Deeds that say what the process sees of itself and its surroundings.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "payload.h"

extern char** environ;

static void show_environment(int argc, char** argv) {
  (void)argc, (void)argv;
  for (char** entry = environ; *entry != NULL; ++entry) puts(*entry);
}

// A file's bytes, with NUL shown as a new line, as in /proc/PID/environ.
static void show_file(int argc, char** argv) {
  (void)argc;
  const int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    tell(-1);
    return;
  }
  char buffer[4096];
  ssize_t count;
  while ((count = read(fd, buffer, sizeof buffer)) > 0) {
    for (ssize_t i = 0; i < count; ++i)
      if (buffer[i] == '\0') buffer[i] = '\n';
    fwrite(buffer, 1, (size_t)count, stdout);
  }
  if (count < 0) tell(-1);
  close(fd);
}

static int visible(const struct dirent* entry) {
  return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static void list(int argc, char** argv) {
  (void)argc;
  struct dirent** entries = NULL;
  const int count = scandir(argv[1], &entries, visible, alphasort);
  if (count < 0) {
    tell(-1);
    return;
  }
  for (int i = 0; i < count; ++i) puts(entries[i]->d_name);
}

// 'N TARGET' for each open descriptor but the one that looks.
static void show_descriptors(int argc, char** argv) {
  (void)argc, (void)argv;
  for (int fd = 0; fd < 1024; ++fd) {
    char path[64], target[4096];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const ssize_t size = readlink(path, target, sizeof target - 1);
    if (size < 0) continue;
    target[size] = '\0';
    printf("%d %s\n", fd, target);
  }
}

static void show_ids(int argc, char** argv) {
  (void)argc, (void)argv;
  gid_t groups[64];
  const int count = getgroups(64, groups);
  printf("uid=%u gid=%u groups=", geteuid(), getegid());
  for (int i = 0; i < count; ++i) printf("%s%u", i == 0 ? "" : ",", groups[i]);
  puts("");
}

static void show_host_name(int argc, char** argv) {
  (void)argc, (void)argv;
  struct utsname names;
  if (uname(&names) != 0) {
    tell(-1);
    return;
  }
  puts(names.nodename);
}

static void show_umask(int argc, char** argv) {
  (void)argc, (void)argv;
  const mode_t mask = umask(0);
  umask(mask);
  printf("%04o\n", mask);
}

static void show_session(int argc, char** argv) {
  (void)argc, (void)argv;
  printf("pid=%d ppid=%d pgrp=%d sid=%d\n", getpid(), getppid(), getpgrp(), getsid(0));
}

static void show_directory(int argc, char** argv) {
  (void)argc, (void)argv;
  char path[4096];
  if (getcwd(path, sizeof path) == NULL) {
    tell(-1);
    return;
  }
  puts(path);
}

static void show_arguments(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) puts(argv[i]);
}

// Kind, mode, owner, group and, of a device, its numbers; links are not followed.
static void show_status(int argc, char** argv) {
  (void)argc;
  struct stat status;
  if (lstat(argv[1], &status) != 0) {
    tell(-1);
    return;
  }
  const char* kind = S_ISDIR(status.st_mode)    ? "directory"
                     : S_ISREG(status.st_mode)  ? "file"
                     : S_ISLNK(status.st_mode)  ? "link"
                     : S_ISCHR(status.st_mode)  ? "device"
                     : S_ISFIFO(status.st_mode) ? "fifo"
                                                : "other";
  printf("%s %04o %u:%u", kind, status.st_mode & 07777, status.st_uid, status.st_gid);
  if (S_ISCHR(status.st_mode))
    printf(" %u:%u", (unsigned)(status.st_rdev >> 8 & 0xfff), (unsigned)(status.st_rdev & 0xff));
  puts("");
}

static void show_link(int argc, char** argv) {
  (void)argc;
  char target[4096];
  const ssize_t size = readlink(argv[1], target, sizeof target - 1);
  if (size < 0) {
    tell(-1);
    return;
  }
  target[size] = '\0';
  puts(target);
}

const struct deed show_deeds[] = {
    {"environment", 0, show_environment},
    {"show", 1, show_file},
    {"list", 1, list},
    {"descriptors", 0, show_descriptors},
    {"ids", 0, show_ids},
    {"host-name", 0, show_host_name},
    {"umask", 0, show_umask},
    {"session", 0, show_session},
    {"directory", 0, show_directory},
    {"arguments", 0, show_arguments},
    {"status", 1, show_status},
    {"link-target", 1, show_link},
    {NULL, 0, NULL},
};
