// The floor of starting a sandbox, for a caller that is root of a user namespace (see enter.c): new
// mount, pid, net, ipc and uts namespaces, an overlay as root, a fresh proc, pivot_root, exec.
//
// usage: start LOWER[:LOWER…] UPPER WORK COMMAND [ARGUMENT…]
//
// UPPER and WORK are fresh directories. The overlay is 'volatile': whoever throws the result away
// has no reason to wait for the disk.
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char* what) {
  fprintf(stderr, "start: %s: %s\n", what, strerror(errno));
  _exit(125);
}

static void enter_root(const char* lower, const char* upper, const char* work) {
  char* options = NULL;
  if (asprintf(&options, "userxattr,volatile,lowerdir=%s,upperdir=%s,workdir=%s", lower, upper,
               work) < 0)
    die("asprintf");
  // Over its own upper directory: any directory will do, and this one is there.
  if (mount("overlay", upper, "overlay", 0, options) != 0) die("mount overlay");
  if (chdir(upper) != 0) die("chdir");
  // Before the old root is gone: a new proc is only allowed where a whole one is in sight.
  if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) die("mount proc");
  if (syscall(SYS_pivot_root, ".", ".") != 0) die("pivot_root");
  if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) die("umount");
}

int main(int argc, char** argv) {
  if (argc < 5) {
    fputs("usage: start LOWER[:LOWER...] UPPER WORK COMMAND [ARGUMENT...]\n", stderr);
    return 125;
  }
  if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
    die("unshare");
  const pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    enter_root(argv[1], argv[2], argv[3]);
    execvp(argv[4], argv + 4);
    die(argv[4]);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) die("waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
