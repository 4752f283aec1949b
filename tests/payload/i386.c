// A program of the i386 ABI, for which Linux has calls and structures of its own: changes owners of
// a file by each call that can, prints them as each call that tells them has it, and does the like
// for its own ids. It has no library, so that a compiler without 32-bit ones can build it.
//
//   i386 FILE     FILE belongs to 0:0
//
// Prints a line a call: 'CALL UID:GID MODE', 'CALL ok', or 'CALL -ERRNO'.

typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned long long u64;

enum {
  sys_exit = 1,
  sys_write = 4,
  sys_open = 5,
  sys_lchown16 = 16,
  sys_getuid16 = 24,
  sys_fchown16 = 95,
  sys_stat = 106,
  sys_lstat = 107,
  sys_fstat = 108,
  sys_chown16 = 182,
  sys_stat64 = 195,
  sys_lstat64 = 196,
  sys_fstat64 = 197,
  sys_lchown32 = 198,
  sys_getuid32 = 199,
  sys_getgroups32 = 205,
  sys_setgroups32 = 206,
  sys_fchown32 = 207,
  sys_setresuid32 = 208,
  sys_getresuid32 = 209,
  sys_setresgid32 = 210,
  sys_chown32 = 212,
  sys_fchownat = 298,
  sys_fstatat64 = 300,
  sys_statx = 383
};
enum { at_fdcwd = -100, statx_basic = 0x7ff };

// Linux' arch/x86/include/uapi/asm/stat.h, as a compiler for i386 lays it out.
struct old_stat {
  u32 dev, ino;
  u16 mode, nlink, uid, gid;
  u32 rdev, size, rest[10];
};
struct stat64 {
  u64 dev;
  unsigned char pad[4];
  u32 short_ino, mode, nlink, uid, gid;
  u64 rdev;
  unsigned char pad3[4];
  u64 size;
  u32 block_size, rest[8];
  u64 ino;
};
struct statx {
  u32 mask, block_size;
  u64 attributes;
  u32 nlink, uid, gid;
  u16 mode, spare;
  u64 ino, size;
  unsigned char rest[256 - 48];
};
_Static_assert(sizeof(struct old_stat) == 64 && sizeof(struct stat64) == 96 &&
                   sizeof(struct statx) == 256,
               "the kernel's sizes");

static int call(int number, long a, long b, long c, long d, long e) {
  int result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                   : "memory");
  return result;
}

static char line[128];
static u32 used;

static void put(const char* text) {
  while (*text != '\0') line[used++] = *text++;
}
static void put_number(u32 value, u32 base) {
  char digits[16];
  int count = 0;
  do digits[count++] = (char)('0' + value % base);
  while ((value /= base) != 0);
  while (count > 0) line[used++] = digits[--count];
}
static void end_line(void) {
  line[used++] = '\n';
  (void)call(sys_write, 1, (long)line, (long)used, 0, 0);
  used = 0;
}

static void told(const char* name, int result) {
  put(name);
  put(result < 0 ? " -" : " ok");
  if (result < 0) put_number((u32)-result, 10);
  end_line();
}
static void owner(const char* name, int result, u32 uid, u32 gid, u32 mode) {
  if (result < 0) {
    told(name, result);
    return;
  }
  put(name);
  put(" ");
  put_number(uid, 10);
  put(":");
  put_number(gid, 10);
  put(" ");
  put_number(mode, 8);
  end_line();
}

static void look(const char* path, int fd) {
  static struct old_stat old;
  static struct stat64 now;
  static struct statx more;
  const long p = (long)path, o = (long)&old, n = (long)&now;
  int result = call(sys_stat, p, o, 0, 0, 0);
  owner("stat", result, old.uid, old.gid, old.mode);
  result = call(sys_lstat, p, o, 0, 0, 0);
  owner("lstat", result, old.uid, old.gid, old.mode);
  result = call(sys_fstat, fd, o, 0, 0, 0);
  owner("fstat", result, old.uid, old.gid, old.mode);
  result = call(sys_stat64, p, n, 0, 0, 0);
  owner("stat64", result, now.uid, now.gid, now.mode);
  result = call(sys_lstat64, p, n, 0, 0, 0);
  owner("lstat64", result, now.uid, now.gid, now.mode);
  result = call(sys_fstat64, fd, n, 0, 0, 0);
  owner("fstat64", result, now.uid, now.gid, now.mode);
  result = call(sys_fstatat64, at_fdcwd, p, n, 0, 0);
  owner("fstatat64", result, now.uid, now.gid, now.mode);
  if (result == 0 && ((u32)now.ino != now.short_ino || now.ino == 0 || now.size != 5 ||
                      old.size != 5 || now.nlink != 1))
    told("inode, size or links", -1);
  result = call(sys_statx, at_fdcwd, p, 0, statx_basic, (long)&more);
  owner("statx", result, more.uid, more.gid, more.mode);
}

// Called by the few instructions below with what the kernel has put on the stack.
__attribute__((used)) void start(long* stack) {
  const char* path = (const char*)stack[2];
  const long p = (long)path;
  const int fd = call(sys_open, p, 0, 0, 0, 0);
  u32 ids[3], groups[2] = {7, 5}, *found = ids;
  int result;
  told("chown32", call(sys_chown32, p, 1000, 2000, 0, 0));
  look(path, fd);
  told("fchown32", call(sys_fchown32, fd, -1, 3000, 0, 0));
  told("lchown16", call(sys_lchown16, p, 4000, 0xffff, 0, 0));
  look(path, fd);
  told("chown16", call(sys_chown16, p, 0xffff, 65533, 0, 0));
  told("fchown16", call(sys_fchown16, fd, 6, 0xffff, 0, 0));
  told("fchownat", call(sys_fchownat, at_fdcwd, p, -1, -1, 0));
  look(path, fd);
  told("lchown32", call(sys_lchown32, p, 250, 251, 0, 0));
  look(path, fd);
  told("chown32 of nobody's", call(sys_chown32, p, 65536, 0, 0, 0));
  told("stat64 of nothing", call(sys_stat64, (long)"/nothing", (long)ids, 0, 0, 0));
  told("stat64 to nowhere", call(sys_stat64, p, 8, 0, 0, 0));
  told("setgroups32", call(sys_setgroups32, 2, (long)groups, 0, 0, 0));
  result = call(sys_getgroups32, 3, (long)found, 0, 0, 0);
  owner("getgroups32", result, found[0], found[1], (u32)result);
  told("setresgid32", call(sys_setresgid32, 251, 251, 251, 0, 0));
  told("setresuid32", call(sys_setresuid32, 1, 2, 3, 0, 0));
  result = call(sys_getresuid32, (long)&ids[0], (long)&ids[1], (long)&ids[2], 0, 0);
  owner("getresuid32", result, ids[0], ids[1], ids[2]);
  owner("getuid", 0, (u32)call(sys_getuid16, 0, 0, 0, 0, 0), (u32)call(sys_getuid32, 0, 0, 0, 0, 0),
        0);
  told("chown32", call(sys_chown32, p, 0, 0, 0, 0));
  (void)call(sys_exit, 0, 0, 0, 0, 0);
}

__asm__(
    ".text\n.globl _start\n_start:\n  movl %esp, %eax\n  andl $-16, %esp\n"
    "  subl $12, %esp\n  pushl %eax\n  call start\n  hlt\n");
