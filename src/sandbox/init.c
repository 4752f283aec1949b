// gbox-init: PID 1 of a step. Starts the command, reaps orphans, forwards signals, and ends with
// the command's status; the kernel then kills whatever the step left behind. Static, and executed
// from a sealed memory file, because a step may look into PID 1: nothing of gbox is in here.
//
//   gbox-init UID GID GROUPS DIRECTORY COMMAND [ARGUMENT…]
//
// GROUPS is a comma list or "-". Exit status: the command's, 128 + N for signal N, 126 when it
// cannot be executed, 127 when it is not found.
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_GROUPS 64

static pid_t command_pid;

static void forward(int signal_number) {
  if (command_pid > 0) (void)kill(command_pid, signal_number);
}

static void die(const char* deed, const char* subject, int status) {
  fprintf(stderr, "gbox-init: %s '%s': %s\n", deed, subject, strerror(errno));
  _exit(status);
}

static void become(const char* uid, const char* gid, char* groups) {
  gid_t list[MAX_GROUPS];
  size_t count = 0;
  if (strcmp(groups, "-") != 0)
    for (char* word = strtok(groups, ","); word != NULL && count < MAX_GROUPS;
         word = strtok(NULL, ","))
      list[count++] = (gid_t)strtoul(word, NULL, 10);
  gid_t g = (gid_t)strtoul(gid, NULL, 10);
  uid_t u = (uid_t)strtoul(uid, NULL, 10);
  // Under a policy that lets nobody change the user, gbox did all this before: no groups to set
  // are none to complain about.
  if (setgroups(count, list) != 0 && (errno != EPERM || getgid() != g || getuid() != u))
    die("set groups", groups, 126);
  if (setresgid(g, g, g) != 0) die("become group", gid, 126);
  if (setresuid(u, u, u) != 0) die("become user", uid, 126);
}

int main(int argc, char** argv) {
  if (argc < 6) return 126;
  // Forwarded so that a program on a terminal sees a window change, and one that is asked to stop
  // can stop; a step that must go is killed by SIGKILL from outside.
  const int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};
  sigset_t blocked, before;
  sigemptyset(&blocked);
  for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; ++i)
    sigaddset(&blocked, forwarded[i]);
  // Blocked until the pid is known: a signal in between must not be lost.
  sigprocmask(SIG_BLOCK, &blocked, &before);
  command_pid = fork();
  if (command_pid < 0) die("start", argv[5], 126);
  if (command_pid == 0) {
    sigprocmask(SIG_SETMASK, &before, NULL);
    // On a terminal the command's session owns it already; its group must be the foreground one.
    if (setpgid(0, 0) == 0 && isatty(0)) {
      signal(SIGTTOU, SIG_IGN);
      (void)tcsetpgrp(0, getpid());  // fails where the terminal is not ours to steer
      signal(SIGTTOU, SIG_DFL);
    }
    become(argv[1], argv[2], argv[3]);
    if (chdir(argv[4]) != 0) die("change directory to", argv[4], 126);
    execvp(argv[5], argv + 5);
    die("execute", argv[5], errno == ENOENT ? 127 : 126);
  }
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = forward;
  action.sa_flags = SA_RESTART;
  for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; ++i)
    sigaction(forwarded[i], &action, NULL);
  sigprocmask(SIG_SETMASK, &before, NULL);
  for (;;) {
    int status;
    pid_t ended = wait(&status);
    if (ended < 0 && errno == EINTR) continue;
    if (ended < 0) return 126;
    if (ended != command_pid) continue;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
}
