#include "open_store.h"

#include "gbox/sys/idmap.h"
#include "gbox/sys/userns.h"

namespace gbox::cli {

store::Store open_store(const StoreArgs& args, Console& console) {
  return store::Store::open(args.directory, sys::describe(sys::current_uid_map()),
                            console.progress(), store::Purpose::inspect);
}

}  // namespace gbox::cli
