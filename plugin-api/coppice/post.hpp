// SPDX-License-Identifier: MIT
// A way in for a plugin's own threads: make a poster in a callback, move it to the thread, post. A draft of
// the ABI: on a host without it making one throws. Header-only. Post on any thread, one at a time for each
// poster.
#pragma once

#include <coppice/post.h>
#include <coppice/actor.hpp>

#include <stdexcept>

namespace coppice {

/// What it posts arrives at the actor's handle_info. While it lives it holds the plugin in memory: its thread
/// is joined before that.
class poster {
 public:
  /// In a callback of that actor.
  explicit poster(const actor& receiver) {
    if (detail::host.post == nullptr) throw std::runtime_error("this host lacks " COPPICE_POST_1);
    if (detail::alive(detail::host.post->open(receiver.handle(), &handle_)) != COPPICE_OK)
      throw std::runtime_error("no handle to post through");
  }
  poster(poster&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  poster& operator=(poster&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~poster() {
    if (handle_ != nullptr) detail::host.post->close(handle_);
  }

  /// Never waits. COPPICE_E_FULL: dropped at the mailbox's bound; COPPICE_E_NOPROC: the actor has ended.
  template <class T>
  std::int32_t post(const T& value) {
    return detail::host.post->post(handle_, make_message(value).take());
  }

 private:
  coppice_post* handle_ = nullptr;
};

} // namespace coppice
