// Precompiled once for a module that names it as cpp_pch instead of compiled in each of its files,
// where nothing is optimised (meson.build). It saves time and means nothing else: a file includes
// what it uses as if this did not exist. A module of few files is faster without.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
