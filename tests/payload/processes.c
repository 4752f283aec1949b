// Deeds on processes, signals, ids and memory shared between processes.
#include <errno.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "payload.h"

static void end(int argc, char** argv) {
  (void)argc;
  fflush(stdout);
  _exit((int)number(argv[1]));
}

static void die_by(int argc, char** argv) {
  (void)argc;
  kill(getpid(), (int)number(argv[1]));
}

static void send_signal(int argc, char** argv) {
  (void)argc;
  tell(kill((pid_t)number(argv[1]), (int)number(argv[2])));
}

static void wait_for_ever(int argc, char** argv) {
  (void)argc, (void)argv;
  for (;;) pause();
}

static volatile sig_atomic_t asked;
static void on_signal(int signal_number) {
  asked = signal_number;
}

// Sends a signal to PID 1 and waits until it is handed on.
static void signal_by_init(int argc, char** argv) {
  (void)argc;
  const int wanted = (int)number(argv[1]);
  signal(wanted, on_signal);
  if (kill(1, wanted) != 0) {
    tell(-1);
    return;
  }
  while (asked == 0) usleep(1000);
  printf("signal %d\n", asked);
}

static void say_ready(int argc, char** argv) {
  (void)argc, (void)argv;
  puts("ready");
}

// Leaves a process behind that left the session, is nobody's child and ignores what can be
// ignored. It keeps the standard descriptors open: their reader sees whether it is gone.
static void leave_daemon(int argc, char** argv) {
  (void)argc, (void)argv;
  const pid_t middle = fork();
  if (middle != 0) {
    waitpid(middle, NULL, 0);
    {
      tell(middle);
      return;
    }
  }
  setsid();
  if (fork() != 0) _exit(0);
  for (int signal_number = 1; signal_number < 32; ++signal_number) signal(signal_number, SIG_IGN);
  wait_for_ever(0, NULL);
}

// UID GID [GROUP…]; groups are set first, as a login does.
static void become(int argc, char** argv) {
  gid_t groups[16];
  size_t count = 0;
  for (int i = 3; i < argc && count < 16; ++i) groups[count++] = (gid_t)number(argv[i]);
  if (setgroups(count, groups) != 0) {
    tell(-1);
    return;
  }
  const gid_t gid = (gid_t)number(argv[2]);
  const uid_t uid = (uid_t)number(argv[1]);
  if (setresgid(gid, gid, gid) != 0) {
    tell(-1);
    return;
  }
  tell(setresuid(uid, uid, uid));
}

// Replaces this program: PATH ARGUMENT…, with '+' in place of ';' for the deeds of the next one.
static void execute(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (strcmp(argv[i], "+") == 0) argv[i] = (char*)";";
  char** arguments = calloc((size_t)argc, sizeof *arguments);
  if (arguments == NULL) refuse("no memory", argv[0]);
  memcpy(arguments, argv + 1, (size_t)(argc - 1) * sizeof *arguments);
  execv(argv[1], arguments);
  tell(-1);
}

// Attaches to a process and lets it go again.
static void trace(int argc, char** argv) {
  (void)argc;
  const long result = ptrace(PTRACE_SEIZE, (pid_t)number(argv[1]), NULL, NULL);
  tell(result);
  if (result == 0) ptrace(PTRACE_DETACH, (pid_t)number(argv[1]), NULL, NULL);
}

// Traces a child of its own over an exec boundary, as sys-apps/sandbox does.
static void trace_child(int argc, char** argv) {
  (void)argc, (void)argv;
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(1);
    raise(SIGSTOP);
    _exit(7);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
    puts("not stopped");
    return;
  }
  long word = 0;
  struct iovec local = {&word, sizeof word}, remote = {&status, sizeof word};
  const ssize_t count = process_vm_readv(child, &local, 1, &remote, 1, 0);
  if (count < 0) {
    tell(-1);
    return;
  }
  ptrace(PTRACE_CONT, child, NULL, 0);
  waitpid(child, &status, 0);
  puts(WIFEXITED(status) && WEXITSTATUS(status) == 7 ? "ok" : "lost");
}

static void find_shared_memory(int argc, char** argv) {
  (void)argc;
  tell(shmget((key_t)number(argv[1]), 0, 0));
}

static void make_shared_memory(int argc, char** argv) {
  (void)argc;
  tell(shmget((key_t)number(argv[1]), 4096, IPC_CREAT | IPC_EXCL | 0600));
}

// NUMBER ARGUMENT…, as they are: for calls and values that the C library would not make.
static void raw_call(int argc, char** argv) {
  long arguments[6] = {0};
  for (int i = 2; i < argc && i < 8; ++i) arguments[i - 2] = (long)strtoull(argv[i], NULL, 0);
  tell(syscall(number(argv[1]), arguments[0], arguments[1], arguments[2], arguments[3],
               arguments[4], arguments[5]));
}

#if defined(__x86_64__)
static sigjmp_buf no_i386;
static void on_fault(int signal_number) {
  siglongjmp(no_i386, signal_number);
}
#endif

// The same by the gate of 32-bit x86 programs, whose numbers are others: a filter that looks at
// the number alone is passed this way.
static void raw_call_i386(int argc, char** argv) {
#if defined(__x86_64__)
  long arguments[5] = {0};
  for (int i = 2; i < argc && i < 7; ++i) arguments[i - 2] = (long)strtoull(argv[i], NULL, 0);
  signal(SIGSEGV, on_fault);
  if (sigsetjmp(no_i386, 1) != 0) {
    puts("no i386");
    return;
  }
  long result = number(argv[1]);
  __asm__ volatile("int $0x80"
                   : "+a"(result)
                   : "b"(arguments[0]), "c"(arguments[1]), "d"(arguments[2]), "S"(arguments[3]),
                     "D"(arguments[4])
                   : "memory", "r8", "r9", "r10", "r11");
  signal(SIGSEGV, SIG_DFL);
  // As 32 bits: errors are small negative numbers.
  const int low = (int)result;
  if (low < 0 && low > -4096) errno = -low;
  tell(low < 0 && low > -4096 ? -1 : 0);
#else
  (void)argc, (void)argv;
  puts("no i386");
#endif
}

static void no_new_privileges(int argc, char** argv) {
  (void)argc, (void)argv;
  printf("%d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

const struct deed process_deeds[] = {
    {"exit", 1, end},
    {"die-by", 1, die_by},
    {"kill", 2, send_signal},
    {"wait", 0, wait_for_ever},
    {"signal-by-init", 1, signal_by_init},
    {"ready", 0, say_ready},
    {"daemon", 0, leave_daemon},
    {"become", 2, become},
    {"exec", 1, execute},
    {"trace", 1, trace},
    {"trace-child", 0, trace_child},
    {"find-shared", 1, find_shared_memory},
    {"make-shared", 1, make_shared_memory},
    {"call", 1, raw_call},
    {"call-i386", 1, raw_call_i386},
    {"no-new-privileges", 0, no_new_privileges},
    {NULL, 0, NULL},
};
