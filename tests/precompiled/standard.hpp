// SPDX-License-Identifier: MIT
// What most files include of others' headers, compiled once for each library of a build under a sanitizer:
// reading them anew is a third of what those builds take. The release goes without, so that a file which
// forgot to include something does not compile there.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <uv.h>
#include <nlohmann/json.hpp>
