// The floor of entering a namespace: exec COMMAND as root of a user and mount namespace that maps
// the caller (0) and all of the caller's subordinate ids (1…). No more system calls than that
// takes, and both helpers at once, since neither waits for the other.
//
// usage: enter COMMAND [ARGUMENT…]
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kMostRanges = 32 };

static void die(const char* what) {
  fprintf(stderr, "enter: %s: %s\n", what, strerror(errno));
  exit(125);
}

// The caller's name, read by hand: getpwuid() of a static program loads shared libraries.
static void find_name(char* name, size_t size) {
  FILE* file = fopen("/etc/passwd", "re");
  char line[1024];
  if (file == NULL) die("/etc/passwd");
  (void)snprintf(name, size, "%u", getuid());
  while (fgets(line, sizeof line, file) != NULL) {
    char user[256];
    unsigned id = 0;
    if (sscanf(line, "%255[^:]:%*[^:]:%u:", user, &id) == 2 && id == getuid()) {
      (void)snprintf(name, size, "%s", user);
      break;
    }
  }
  (void)fclose(file);
}

// Fills argv of newuidmap or newgidmap: PID, then the triples of the map.
static void make_arguments(char** argv, const char* helper, const char* subordinate, unsigned own,
                           const char* name) {
  FILE* file = fopen(subordinate, "re");
  char line[1024];
  unsigned inside = 1;
  int count = 0;
  if (file == NULL) die(subordinate);
  argv[count++] = strdup(helper);
  if (asprintf(&argv[count++], "%d", getpid()) < 0) die("asprintf");
  argv[count++] = "0";
  if (asprintf(&argv[count++], "%u", own) < 0) die("asprintf");
  argv[count++] = "1";
  while (fgets(line, sizeof line, file) != NULL && count < 3 * kMostRanges) {
    char owner[256];
    unsigned first = 0;
    unsigned ids = 0;
    if (sscanf(line, "%255[^:]:%u:%u", owner, &first, &ids) != 3) continue;
    if (strcmp(owner, name) != 0 && strtoul(owner, NULL, 10) != getuid()) continue;
    if (asprintf(&argv[count++], "%u", inside) < 0 || asprintf(&argv[count++], "%u", first) < 0 ||
        asprintf(&argv[count++], "%u", ids) < 0)
      die("asprintf");
    inside += ids;
  }
  argv[count] = NULL;
  (void)fclose(file);
}

static pid_t start_helper(int go_read, int go_write, char** argv) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  char byte = 0;
  (void)close(go_write);
  if (read(go_read, &byte, 1) == 1) execvp(argv[0], argv);
  _exit(125);
}

int main(int argc, char** argv) {
  char name[256];
  char* uid_map[3 * kMostRanges + 4];
  char* gid_map[3 * kMostRanges + 4];
  int go[2];
  if (argc < 2) {
    fputs("usage: enter COMMAND [ARGUMENT...]\n", stderr);
    return 125;
  }
  find_name(name, sizeof name);
  make_arguments(uid_map, "newuidmap", "/etc/subuid", getuid(), name);
  make_arguments(gid_map, "newgidmap", "/etc/subgid", getgid(), name);
  if (pipe2(go, O_CLOEXEC) != 0) die("pipe2");
  // Forked before the namespace is made: a helper must stand outside it.
  const pid_t helpers[2] = {start_helper(go[0], go[1], uid_map),
                            start_helper(go[0], go[1], gid_map)};
  if (helpers[0] < 0 || helpers[1] < 0) die("fork");
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) die("unshare");
  if (write(go[1], "go", 2) != 2) die("write");
  for (int i = 0; i < 2; ++i) {
    int status = 0;
    if (waitpid(helpers[i], &status, 0) < 0) die("waitpid");
    if (status != 0) {
      fputs("enter: the ids cannot be mapped\n", stderr);
      return 125;
    }
  }
  if (setgroups(0, NULL) != 0 || setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
    die("become root of the namespace");
  execvp(argv[1], argv + 1);
  die(argv[1]);
}
