// How this build fetches: the settings of net's transfers, told to the observer.
#pragma once

#include <string>

#include "gbox/build/build.h"
#include "gbox/build/observer.h"
#include "gbox/net/transfer.h"
#include "gbox/store/store.h"

namespace gbox::build {

// Partial files go to the store's incoming/, open as `incoming`; both are borrowed by the result.
net::Settings transfer_settings(const SourceOptions& sources, const sys::Fd& incoming,
                                Observer& observer);

// Lets `observer`, borrowed, hear of the transfers of `settings`.
void tell_of_transfers(net::Settings& settings, Observer& observer);

}  // namespace gbox::build
