// SPDX-License-Identifier: MIT
// A way in for a plugin's own threads: make a poster in a callback, move it to the thread, post. A draft of
// the ABI: on a host without it making one throws std::runtime_error. Header-only. Post on any thread, one at
// a time for each poster.
#pragma once

#include <coppice/post.h>
#include <coppice/actor.hpp>

#include <stdexcept>

namespace coppice {

namespace detail {
inline constinit draft<coppice_post_api> post{COPPICE_POST_DRAFT_1};
} // namespace detail

/// What it posts arrives at the actor's handle_info. While it lives it holds the plugin in memory: its thread
/// is joined before that.
class poster {
 public:
  /// In a callback of that actor.
  explicit poster(const actor& receiver) {
    const std::int32_t status = detail::post.need().open(receiver.handle(), &handle_);
    if (detail::checked(status, "a poster") != COPPICE_OK)
      throw std::runtime_error("no handle to post through");
  }
  poster(poster&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  poster& operator=(poster&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~poster() {
    if (handle_ != nullptr) detail::post.found().close(handle_);
  }

  /// Never waits. COPPICE_E_FULL: dropped at the mailbox's bound; COPPICE_E_NOPROC: the actor has ended.
  template <class T>
  std::int32_t post(const T& value) {
    return detail::post.found().post(handle_, make_message(value).take());
  }

 private:
  coppice_post* handle_ = nullptr;
};

} // namespace coppice
