// SPDX-License-Identifier: MIT
// A TCP or Unix-domain socket that carries a stream. It lives in the libuv handle's cell until the close
// callback. At most one uv_write is under way; it is used when the socket is full. Private to the room; the
// loop's thread.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/border.hpp"
#include "base/socket_address.hpp"
#include "base/uv.hpp"
#include "net/carrier.hpp"

namespace coppice::net {

class socket_carrier final : public carrier {
 public:
  using owned = std::unique_ptr<socket_carrier, close_carrier>;

  static base::result<owned> make(uv_loop_t* on, bool is_tcp);

  // Each returns 0 or an error of libuv.
  int bind(const base::socket_address& local);
  int connect(const base::socket_address& to); // connected() of the user follows
  // Takes over an open socket, unless it fails.
  int open(int fd);
  // Unix-domain sockets; connected() of the user follows.
  void connect(const std::string& path);
  void set_nodelay();

  void set_user(user& above) override { user_ = &above; }
  base::status start_reading() override;
  void stop_reading() override;
  base::status drop() override;
  bool has_unread() const override;
  base::result<written> write(write_queue& from) override;
  base::status write_later(write_queue& from) override;
  std::size_t borrowed() const override { return in_flight_; }
  void moved(write_queue& to) override;
  std::size_t write_before_file(write_queue& from) override;
  std::size_t send_file(int file, std::uint64_t offset, std::size_t most) override;
  base::status shut_down() override;
  int descriptor() const override;
  base::result<socket_of> detach() override;
  void unref() override { uv_unref(reinterpret_cast<uv_handle_t*>(raw_)); }
  void close(std::unique_ptr<user> last) override;

  // Moved into its cell only, before anything else.
  socket_carrier(socket_carrier&&) = default;
  ~socket_carrier() override = default;

 private:
  using cell = base::uv::socket<socket_carrier>;

  socket_carrier() = default;
  uv_tcp_t* tcp() const { return reinterpret_cast<uv_tcp_t*>(raw_); }
  bool is_tcp() const { return raw_->type == UV_TCP; }
  // The border of libuv's callbacks: an exception ends the user and is reported by it.
  template <class Work>
  void guarded(Work&& work) {
    if (base::contained("a stream", work)) return;
    user_->fail_later({base::errc::internal, "an exception ended it, which the log has"});
  }
  static void ask_for_space(uv_handle_t* handle, std::size_t, uv_buf_t* into);
  static void connected(uv_connect_t* request, int code);
  void give_space(uv_buf_t* into);
  void took(ssize_t count, const uv_buf_t& into);
  void dropped(ssize_t count);
  void came_to_end(int code);
  void write_finished(int code);

  uv_stream_t* raw_ = nullptr;
  user* user_ = nullptr;
  bool reads_ = false;               // for the user
  write_queue* under_way_ = nullptr; // the queue of write_; null: none
  std::size_t in_flight_ = 0;        // bytes of write_
  cell self_{};                      // until close()
  std::unique_ptr<user> last_{};     // since close()
  uv_connect_t connect_{};
  uv_write_t write_{};
  uv_shutdown_t shutdown_{};
};

} // namespace coppice::net
