// SPDX-License-Identifier: MIT
// The actor of a connection in C++: derive from coppice::tcp and write the callbacks of coppice/stream.hpp
// that you need. A listener (`tcp:` in the tree) makes an actor for each connection; the actor ends with the
// connection. It may also have the callbacks of a server: init, handle_call, handle_info, save_state … DRAFT,
// see coppice/draft/stream.h. Header-only.
//
//   class echo : public coppice::tcp {
//    public:
//     void on_frame(coppice::connection from, coppice::bytes frame) { from.write(frame); }
//   };
#pragma once

#include <coppice/stream.hpp>

namespace coppice {

/// An actor for a connection: derive from it. The callbacks are those of coppice/stream.hpp.
class tcp : public actor {};

namespace detail {

template <class T>
constexpr bool is_tcp_class() {
  if constexpr (!is_actor_class<T>()) {
    return false;
  } else if constexpr (!has_lifecycle_names<T>() || !has_server_names<T>()) {
    return false;
  } else {
    static_assert(has_stream_callbacks<T>,
                  "this class does nothing with its connection: give it a public "
                  "on_connect, on_frame, on_data or on_close");
    return has_lifecycle<T>() && has_calls<T>() && has_casts<T>() && has_infos<T>();
  }
}

template <class T>
requires std::is_base_of_v<tcp, T>
struct behaviour_of<T> {
  static constexpr const char* name = "tcp";
  static constexpr coppice_table tables[] = {
      {COPPICE_LIFECYCLE_1, table_of<T, is_tcp_class<T>(), lifecycle_table>()},
      {COPPICE_SERVER_1, table_of<T, is_tcp_class<T>(), server_table>()},
      more_callbacks_of<T>::first,
      more_callbacks_of<T>::second,
      {nullptr, nullptr}};
};

} // namespace detail
} // namespace coppice
