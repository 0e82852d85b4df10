// SPDX-License-Identifier: MIT
// Tells when an entry of a folder appears, changes or goes. The loop's thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/uv.hpp"

namespace coppice::base::uv {

// The function gets the entry's name, which is empty where the system does not say.
class folder_watch : public handle<uv_fs_event_t, std::function<void(std::string_view name)>> {
 public:
  static result<folder_watch> make(const loop& on, const std::string& folder,
                                   std::function<void(std::string_view)> function);
};

} // namespace coppice::base::uv
