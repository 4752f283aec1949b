#include "gbox/portage/base.h"

#include <elf.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "root_files.h"

namespace gbox::portage {

namespace {

constexpr unsigned kArmHardFloat = 0x400;  // EF_ARM_ABI_FLOAT_HARD of the ARM ELF supplement

// Nothing also for links that lead in circles and the like: whatever cannot be opened is no program
// of the base's.
std::optional<ElfHead> read_elf_head(int rootfd, const std::string& path) {
  const auto fd = try_open_inside(rootfd, path, O_RDONLY | O_NONBLOCK);
  if (!fd || !S_ISREG(sys::fstat(fd->get()).st_mode)) return std::nullopt;
  std::array<unsigned char, 64> head{};
  if (sys::read_full(fd->get(), std::as_writable_bytes(std::span(head)), path) < 52 ||
      !std::equal(ELFMAG, ELFMAG + SELFMAG, head.begin()))
    return std::nullopt;
  ElfHead result;
  result.wide = head[EI_CLASS] == ELFCLASS64;
  result.little = head[EI_DATA] == ELFDATA2LSB;
  // By hand: the file's byte order need not be this machine's.
  const auto number = [&](std::size_t offset, std::size_t size) {
    unsigned value = 0;
    for (std::size_t i = 0; i < size; ++i)
      value = (value << 8) | head[result.little ? offset + size - 1 - i : offset + i];
    return value;
  };
  result.machine = number(offsetof(Elf64_Ehdr, e_machine), 2);
  result.flags =
      number(result.wide ? offsetof(Elf64_Ehdr, e_flags) : offsetof(Elf32_Ehdr, e_flags), 4);
  return result;
}

bool runs_natively(const std::string& machine, const std::string& host) {
  if (machine == host) return true;
  const auto is_x86 = [](const std::string& name) {
    return name.size() == 4 && name[0] == 'i' && name.ends_with("86");
  };
  if (is_x86(machine)) return is_x86(host) || host == "x86_64";
  if (machine.starts_with("arm")) return host.starts_with("arm") || host == "aarch64";
  return false;
}

// Whether the kernel hands such programs to an emulator. Flag F matters: without it the kernel
// looks for the emulator inside the sandbox, where there is none.
bool has_emulator(const std::string& machine) {
  const std::string name = machine.starts_with("arm")                       ? "arm"
                           : machine.size() == 4 && machine.ends_with("86") ? "i386"
                                                                            : machine;
  try {
    const auto text = sys::try_read_file(AT_FDCWD, "/proc/sys/fs/binfmt_misc/qemu-" + name, 65536);
    if (!text || !text->starts_with("enabled")) return false;
    const std::size_t flags = text->find("\nflags:");
    return flags != std::string::npos &&
           text->substr(flags + 1, text->find('\n', flags + 1) - flags - 1).find('F') !=
               std::string::npos;
  } catch (const Error&) {
    return false;  // not readable here: then it cannot be relied on
  }
}

bool is_program(int rootfd, const std::string& path) {
  const auto fd = try_open_inside(rootfd, path, O_PATH);
  if (!fd) return false;
  const struct stat status = sys::fstat(fd->get());
  return S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0;
}

// The first phase that needs Portage, or nullptr.
const spec::Phase* first_portage_phase(const spec::BuildSpec& spec) {
  const auto found = std::find_if(spec.phases.begin(), spec.phases.end(), [](const auto& phase) {
    return !phase.emerge.atoms.empty() || !phase.unmerge.empty();
  });
  return found == spec.phases.end() ? nullptr : &*found;
}

void require_programs(int rootfd, const spec::BuildSpec& spec) {
  if (const spec::Phase* phase = first_portage_phase(spec);
      phase != nullptr && !is_program(rootfd, "usr/bin/emerge")) {
    Error error("base: it has no '/usr/bin/emerge', which phase " + quoted(phase->name) + " needs",
                ExitCode::input);
    error.set_hint("begin with a Gentoo stage3, or install Portage in it");
    throw error;
  }
  for (const spec::Phase& phase : spec.phases) {
    const std::string shell = phase.shell == spec::Shell::bash ? "bin/bash" : "bin/sh";
    if (phase.run.empty() || is_program(rootfd, shell)) continue;
    // An earlier phase may have brought it.
    if (&phase != &spec.phases.front()) break;
    Error error("base: it has no '/" + shell + "', which phase " + quoted(phase.name) + " runs",
                ExitCode::input);
    error.set_hint(phase.shell == spec::Shell::bash ? "write shell = \"sh\" in that phase"
                                                    : "begin with a base that has a shell");
    throw error;
  }
}

}  // namespace

std::optional<BaseInfo> architecture_of(const ElfHead& head) {
  switch (head.machine) {
    case EM_X86_64:  // x32 programs too: they need the same machine
      return BaseInfo{"x86_64", "amd64", ""};
    case EM_386:
      return BaseInfo{"i686", "386", ""};
    case EM_AARCH64:
      return BaseInfo{"aarch64", "arm64", ""};
    case EM_ARM:
      return (head.flags & kArmHardFloat) != 0 ? BaseInfo{"armv7l", "arm", "v7"}
                                               : BaseInfo{"armv5tel", "arm", "v5"};
    case EM_RISCV:
      if (!head.wide) return std::nullopt;
      return BaseInfo{"riscv64", "riscv64", ""};
    case EM_PPC64:
      return head.little ? BaseInfo{"ppc64le", "ppc64le", ""} : BaseInfo{"ppc64", "ppc64", ""};
    case EM_S390:
      return BaseInfo{"s390x", "s390x", ""};
    case 258:  // EM_LOONGARCH, which older headers lack
      return BaseInfo{"loongarch64", "loong64", ""};
    default:
      return std::nullopt;
  }
}

std::optional<ElfHead> machine_of_root(int rootfd) {
  for (const char* path : {"bin/bash", "bin/sh", "usr/bin/env", "usr/bin/python3"})
    if (auto head = read_elf_head(rootfd, path)) return head;
  return std::nullopt;
}

std::optional<BaseInfo> check_base(int rootfd, const spec::BuildSpec& spec,
                                   const std::string& host_machine) {
  const std::optional<ElfHead> head = machine_of_root(rootfd);
  if (!head && !spec.base.image.empty()) {
    require_programs(rootfd, spec);
    return std::nullopt;
  }
  if (!head) {
    Error error(
        "base: it holds no program to tell its architecture by (looked for '/bin/bash' "
        "and '/bin/sh')",
        ExitCode::input);
    error.set_hint("the tarball must hold a root file system, with 'bin' and 'usr' at its top");
    throw error;
  }
  const auto info = architecture_of(*head);
  if (!info)
    throw Error("base: its programs are for an architecture that gbox does not know (ELF machine " +
                    std::to_string(head->machine) + ')',
                ExitCode::input);
  if (!runs_natively(info->architecture, host_machine) && !has_emulator(info->architecture)) {
    Error error("base: its programs are for " + quoted(info->architecture) + ", this machine is " +
                    quoted(host_machine) + " and has no 'qemu-" + info->architecture +
                    "' in binfmt_misc",
                ExitCode::input);
    error.set_hint("use a base for " + quoted(host_machine) +
                   ", or install qemu-user with binfmt flag F");
    throw error;
  }
  require_programs(rootfd, spec);
  return info;
}

}  // namespace gbox::portage
