// SPDX-License-Identifier: MIT
// Watches folders by libuv, which uses inotify. See folder_watch.hpp.
#include "base/folder_watch.hpp"

#include "base/border.hpp"

namespace coppice::base::uv {

result<folder_watch> folder_watch::make(const loop& on, const std::string& folder,
                                        std::function<void(std::string_view)> function) {
  folder_watch made;
  int code =
      made.open(std::move(function), [&on](uv_fs_event_t* raw) { return uv_fs_event_init(on.raw(), raw); });
  if (code == 0) {
    code = uv_fs_event_start(
        made.raw(),
        [](uv_fs_event_t* raw, const char* name, int, int) {
          contained_call("a callback of the loop", payload_of(raw),
                         name == nullptr ? std::string_view() : std::string_view(name));
        },
        folder.c_str(), 0);
  }
  if (code != 0) return fail_uv("watch folder " + folder, code);
  return made;
}

} // namespace coppice::base::uv
