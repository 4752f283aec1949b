#include "waiting.h"

namespace gbox::build {

sys::LockWait waiting(Observer& observer) {
  sys::LockWait wait;
  wait.on_wait = [&](const sys::LockHolder& holder) { observer.waiting(sys::describe(holder)); };
  wait.on_tick = [&] { observer.tick(); };
  return wait;
}

}  // namespace gbox::build
