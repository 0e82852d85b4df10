// SPDX-License-Identifier: MIT
// Messages from a plugin's own threads: make a poster in a callback, move it to the thread, and post. A draft
// of the ABI: making one throws std::runtime_error on a host without it. Header-only. A poster may be used on
// any thread, but by one at a time.
#pragma once

#include <coppice/draft/post.h>
#include <coppice/actor.hpp>

#include <stdexcept>

namespace coppice {

namespace detail {
inline constinit draft<coppice_post_api> post{COPPICE_POST_DRAFT_1};
} // namespace detail

/// Its messages arrive at the actor's handle_info. It keeps the plugin in memory while it exists: join its
/// thread in the actor's destructor.
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

  /// Never waits. COPPICE_E_FULL: dropped, the mailbox is at its bound; COPPICE_E_NOPROC: the actor has
  /// ended.
  template <class T>
  std::int32_t post(const T& value) {
    return detail::post.found().post(handle_, make_message(value).take());
  }

 private:
  coppice_post* handle_ = nullptr;
};

} // namespace coppice
