// SPDX-License-Identifier: MIT
// Tells when an entry of a folder appears, changes or disappears. With it the node notices a new plugin file
// and reloads it. For the loop's thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/uv.hpp"

namespace coppice::base::uv {

// `name`: the name of the entry; empty: the system does not say.
class folder_watch : public handle<uv_fs_event_t, std::function<void(std::string_view name)>> {
 public:
  static result<folder_watch> make(const loop& on, const std::string& folder,
                                   std::function<void(std::string_view)> function);
};

} // namespace coppice::base::uv
