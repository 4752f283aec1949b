// Deeds on mounts and namespaces.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "payload.h"

// SOURCE TARGET TYPE [FLAG…]
static void do_mount(int argc, char** argv) {
  unsigned long flags = 0;
  for (int i = 4; i < argc; ++i) {
    if (strcmp(argv[i], "bind") == 0)
      flags |= MS_BIND;
    else if (strcmp(argv[i], "rbind") == 0)
      flags |= MS_BIND | MS_REC;
    else if (strcmp(argv[i], "remount") == 0)
      flags |= MS_REMOUNT;
    else if (strcmp(argv[i], "ro") == 0)
      flags |= MS_RDONLY;
    else if (strcmp(argv[i], "nosuid") == 0)
      flags |= MS_NOSUID;
    else if (strcmp(argv[i], "nodev") == 0)
      flags |= MS_NODEV;
    else if (strcmp(argv[i], "noexec") == 0)
      flags |= MS_NOEXEC;
    else if (strcmp(argv[i], "move") == 0)
      flags |= MS_MOVE;
    else if (strcmp(argv[i], "shared") == 0)
      flags |= MS_SHARED | MS_REC;
    else if (strcmp(argv[i], "private") == 0)
      flags |= MS_PRIVATE | MS_REC;
    else
      refuse("no such mount flag", argv[i]);
  }
  const char* type = strcmp(argv[3], "-") == 0 ? NULL : argv[3];
  tell(mount(argv[1], argv[2], type, flags, NULL));
}

static void do_umount(int argc, char** argv) {
  tell(umount2(argv[1], argc > 2 && strcmp(argv[2], "lazy") == 0 ? MNT_DETACH : 0));
}

// Clears read-only, nosuid and nodev of what is mounted at a path by the new interface.
static void lift_restrictions(int argc, char** argv) {
  (void)argc;
  struct mount_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.attr_clr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  tell(mount_setattr(AT_FDCWD, argv[1], 0, &attributes, sizeof attributes));
}

// A detached copy of what is at a path, without what is mounted below it.
static void uncover(int argc, char** argv) {
  (void)argc;
  const int fd = open_tree(AT_FDCWD, argv[1], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  tell(fd);
  if (fd >= 0) close(fd);
}

static int namespace_flags(const char* letters) {
  int flags = 0;
  for (const char* letter = letters; *letter != '\0'; ++letter) switch (*letter) {
      case 'U':
        flags |= CLONE_NEWUSER;
        break;
      case 'm':
        flags |= CLONE_NEWNS;
        break;
      case 'p':
        flags |= CLONE_NEWPID;
        break;
      case 'n':
        flags |= CLONE_NEWNET;
        break;
      case 'i':
        flags |= CLONE_NEWIPC;
        break;
      case 'u':
        flags |= CLONE_NEWUTS;
        break;
      case 'C':
        flags |= CLONE_NEWCGROUP;
        break;
      default:
        refuse("no such namespace", letters);
    }
  return flags;
}

static int write_whole(const char* path, const char* text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  const ssize_t count = write(fd, text, strlen(text));
  close(fd);
  return count < 0 ? -1 : 0;
}

// LETTERS: U m p n i u C. A new user namespace maps its root to the caller. With 'p' the deeds
// that follow run in a child, PID 1 of the new pid namespace.
static void do_unshare(int argc, char** argv) {
  (void)argc;
  const int flags = namespace_flags(argv[1]);
  const int user = flags & CLONE_NEWUSER;
  char map[64], group_map[64];
  snprintf(map, sizeof map, "0 %u 1", geteuid());
  snprintf(group_map, sizeof group_map, "0 %u 1", getegid());
  if (unshare(flags) != 0) {
    tell(-1);
    return;
  }
  if (user != 0 && (write_whole("/proc/self/setgroups", "deny") != 0 ||
                    write_whole("/proc/self/uid_map", map) != 0 ||
                    write_whole("/proc/self/gid_map", group_map) != 0)) {
    tell(-1);
    return;
  }
  tell(0);
  if ((flags & CLONE_NEWPID) == 0) return;
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) return;  // goes on with the list
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) < 0) _exit(98);
  _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

// Joins the namespaces of another process through its pidfd.
static void enter(int argc, char** argv) {
  (void)argc;
  const long fd = syscall(SYS_pidfd_open, (pid_t)number(argv[1]), 0);
  tell(fd < 0 ? -1 : setns((int)fd, namespace_flags(argv[2])));
}

const struct deed mount_deeds[] = {
    {"mount", 3, do_mount},  {"umount", 1, do_umount},   {"lift", 1, lift_restrictions},
    {"uncover", 1, uncover}, {"unshare", 1, do_unshare}, {"enter", 2, enter},
    {NULL, 0, NULL},
};
