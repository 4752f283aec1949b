#include "gbox/sandbox/single_id.h"

#include <linux/audit.h>
#include <sys/types.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "call_table.h"
#include "caller_view.h"
#include "creation_calls.h"
#include "credentials.h"
#include "gbox/base/error.h"
#include "identity_calls.h"
#include "owner_calls.h"

namespace gbox::sandbox {

namespace {

using Kind = IdentityCalls::Kind;

struct Emulation {
  CallerView view;
  CredentialTable credentials;
  OwnerCalls owners{view, credentials};
  CreationCalls creation{view, credentials, owners};
  IdentityCalls identities{view, credentials};
};

int int_argument(const Call& call, std::size_t index) {
  return static_cast<int>(call.arguments[index]);
}

Follow follow_of(const Call& call, std::size_t flags) {
  return (int_argument(call, flags) & AT_SYMLINK_NOFOLLOW) != 0 ? Follow::no : Follow::yes;
}

bool may_be_empty(const Call& call, std::size_t flags) {
  return (int_argument(call, flags) & AT_EMPTY_PATH) != 0;
}

// What the kernel said of a record is what the caller is told of its call.
template <class Action>
Handler guarded(std::shared_ptr<Emulation> emulation, Action action) {
  return [emulation = std::move(emulation), action](const Call& call) {
    const bool is_x32 = call.architecture == AUDIT_ARCH_X86_64 && (call.number & kX32Bit) != 0;
    if (is_x32) return Answer::error(ENOSYS);
    try {
      return action(*emulation, call);
    } catch (const SysError& error) {
      return Answer::error(error.error_number());
    }
  };
}

class Table {
 public:
  explicit Table(Notified& notified) : notified_(notified) {}

  template <class Action>
  void add(const std::string& name, Action action) {
    notified_.handlers.emplace(name, guarded(emulation_, action));
  }
  // A call and i386's newer form of it.
  template <class Action>
  void add_both(const std::string& name, Action action) {
    add(name, action);
    add(name + "32", action);
  }

 private:
  Notified& notified_;
  std::shared_ptr<Emulation> emulation_ = std::make_shared<Emulation>();
};

void add_owners(Table& table) {
  table.add_both("chown", [](Emulation& e, const Call& c) {
    return e.owners.chown(c, AT_FDCWD, c.arguments[0], id_argument(c, 1), id_argument(c, 2),
                          Follow::yes, false);
  });
  table.add_both("lchown", [](Emulation& e, const Call& c) {
    return e.owners.chown(c, AT_FDCWD, c.arguments[0], id_argument(c, 1), id_argument(c, 2),
                          Follow::no, false);
  });
  table.add_both("fchown", [](Emulation& e, const Call& c) {
    return e.owners.fchown(c, int_argument(c, 0), id_argument(c, 1), id_argument(c, 2));
  });
  table.add("fchownat", [](Emulation& e, const Call& c) {
    return e.owners.chown(c, int_argument(c, 0), c.arguments[1], id_argument(c, 2),
                          id_argument(c, 3), follow_of(c, 4), may_be_empty(c, 4));
  });
}

void add_creation(Table& table) {
  table.add("open", [](Emulation& e, const Call& c) {
    return e.creation.open(c, AT_FDCWD, c.arguments[0], int_argument(c, 1),
                           static_cast<mode_t>(c.arguments[2]));
  });
  table.add("openat", [](Emulation& e, const Call& c) {
    return e.creation.open(c, int_argument(c, 0), c.arguments[1], int_argument(c, 2),
                           static_cast<mode_t>(c.arguments[3]));
  });
  table.add("creat", [](Emulation& e, const Call& c) {
    return e.creation.open(c, AT_FDCWD, c.arguments[0], O_CREAT | O_WRONLY | O_TRUNC,
                           static_cast<mode_t>(c.arguments[1]));
  });
  table.add("mkdir", [](Emulation& e, const Call& c) {
    return e.creation.mkdir(c, AT_FDCWD, c.arguments[0], static_cast<mode_t>(c.arguments[1]));
  });
  table.add("mkdirat", [](Emulation& e, const Call& c) {
    return e.creation.mkdir(c, int_argument(c, 0), c.arguments[1],
                            static_cast<mode_t>(c.arguments[2]));
  });
  table.add("symlink", [](Emulation& e, const Call& c) {
    return e.creation.symlink(c, c.arguments[0], AT_FDCWD, c.arguments[1]);
  });
  table.add("symlinkat", [](Emulation& e, const Call& c) {
    return e.creation.symlink(c, c.arguments[0], int_argument(c, 1), c.arguments[2]);
  });
  table.add("mknod", [](Emulation& e, const Call& c) {
    return e.creation.mknod(c, AT_FDCWD, c.arguments[0], static_cast<mode_t>(c.arguments[1]),
                            static_cast<std::uint32_t>(c.arguments[2]));
  });
  table.add("mknodat", [](Emulation& e, const Call& c) {
    return e.creation.mknod(c, int_argument(c, 0), c.arguments[1],
                            static_cast<mode_t>(c.arguments[2]),
                            static_cast<std::uint32_t>(c.arguments[3]));
  });
}

void add_stat(Table& table) {
  for (const char* name : {"stat", "stat64"})
    table.add(name, [](Emulation& e, const Call& c) {
      return e.owners.stat(c, AT_FDCWD, c.arguments[0], c.arguments[1], Follow::yes, false);
    });
  for (const char* name : {"lstat", "lstat64"})
    table.add(name, [](Emulation& e, const Call& c) {
      return e.owners.stat(c, AT_FDCWD, c.arguments[0], c.arguments[1], Follow::no, false);
    });
  for (const char* name : {"fstat", "fstat64"})
    table.add(name, [](Emulation& e, const Call& c) {
      return e.owners.fstat(c, int_argument(c, 0), c.arguments[1]);
    });
  for (const char* name : {"newfstatat", "fstatat64"})
    table.add(name, [](Emulation& e, const Call& c) {
      return e.owners.stat(c, int_argument(c, 0), c.arguments[1], c.arguments[2], follow_of(c, 3),
                           may_be_empty(c, 3));
    });
  table.add("statx", [](Emulation& e, const Call& c) { return e.owners.statx(c); });
}

void add_xattrs(Table& table) {
  table.add("listxattr",
            [](Emulation& e, const Call& c) { return e.owners.list_xattrs(c, Follow::yes); });
  table.add("llistxattr",
            [](Emulation& e, const Call& c) { return e.owners.list_xattrs(c, Follow::no); });
  table.add("flistxattr", [](Emulation& e, const Call& c) {
    return e.owners.list_xattrs(c, e.view.open(c, int_argument(c, 0)));
  });
  for (const char* name :
       {"setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"})
    table.add(name, [](Emulation& e, const Call& c) { return e.owners.change_xattr(c); });
}

void add_identities(Table& table) {
  for (const auto& [letter, kind] : {std::pair{std::string("u"), Kind::user}, {"g", Kind::group}}) {
    const std::string id = letter + "id";
    table.add_both("set" + id, [kind = kind](Emulation& e, const Call& c) {
      return e.identities.set_one(c, kind);
    });
    table.add_both("setre" + id, [kind = kind](Emulation& e, const Call& c) {
      return e.identities.set_two(c, kind);
    });
    table.add_both("setres" + id, [kind = kind](Emulation& e, const Call& c) {
      return e.identities.set_three(c, kind);
    });
    table.add_both("setfs" + id, [kind = kind](Emulation& e, const Call& c) {
      return e.identities.set_file_system(c, kind);
    });
    table.add_both("get" + id, [kind = kind](Emulation& e, const Call& c) {
      return e.identities.get_real(c, kind);
    });
    table.add_both("gete" + id, [kind = kind](Emulation& e, const Call& c) {
      return e.identities.get_effective(c, kind);
    });
    table.add_both("getres" + id, [kind = kind](Emulation& e, const Call& c) {
      return e.identities.get_three(c, kind);
    });
  }
  table.add_both("setgroups",
                 [](Emulation& e, const Call& c) { return e.identities.set_groups(c); });
  table.add("prctl", [](Emulation& e, const Call& c) { return e.identities.prctl(c); });
  table.add_both("getgroups",
                 [](Emulation& e, const Call& c) { return e.identities.get_groups(c); });
}

}  // namespace

void emulate_ids(Notified& notified) {
  Table table(notified);
  add_owners(table);
  add_creation(table);
  add_stat(table);
  add_xattrs(table);
  add_identities(table);
}

}  // namespace gbox::sandbox
