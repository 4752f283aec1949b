// Copies files by a few threads, while the caller goes on over the tree. What one of them throws
// comes out of the next call. Used by replica.cc.
#pragma once

#include <sys/stat.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "copy_entry.h"
#include "gbox/sys/fd.h"

namespace gbox::layer {

// Two directories, open as long as a file of theirs is waiting.
struct CopyPlace {
  sys::Fd from;
  sys::Fd to;
};

class CopyCrew {
 public:
  explicit CopyCrew(OverlayNames names);
  CopyCrew(const CopyCrew&) = delete;
  CopyCrew& operator=(const CopyCrew&) = delete;
  ~CopyCrew();  // lets go of what is not begun

  void add(std::shared_ptr<const CopyPlace> place, std::string name, const struct stat& status);
  void finish();

 private:
  struct Job {
    std::shared_ptr<const CopyPlace> place;
    std::string name;
    struct stat status {};
  };
  void work();
  void end() noexcept;

  OverlayNames names_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool ended_ = false;
  std::exception_ptr failure_;
  std::vector<std::thread> threads_;
};

}  // namespace gbox::layer
