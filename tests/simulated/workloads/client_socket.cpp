// SPDX-License-Identifier: MIT
// See client_socket.hpp. An object owns itself until libuv has closed its handle, because libuv writes to it
// until then.
// rooms: node
#include "client_socket.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "../machine/story.hpp"

namespace coppice::simulated {
namespace {

struct writing {
  uv_write_t request{};
  std::string bytes;
};

} // namespace

client_socket* client_socket::make(runtime::process& owner) {
  auto* const made = new client_socket; // NOLINT: owns itself
  made->owner_ = &owner;
  made->connect_.data = made;
  return made;
}

void client_socket::on_connected(uv_connect_t* request, int status) {
  auto& of = *static_cast<client_socket*>(request->data);
  if (of.owner_ == nullptr) return;
  of.connected_ = status == 0;
  if (status == 0) of.start_reading();
  if (status != 0) of.broke(status);
  simulated::tell("{} {}", of.owner_->name(), status == 0 ? "is connected" : uv_strerror(status));
  of.tell();
}

client_socket* client_socket::open(runtime::process& owner, uv_loop_t* loop, unsigned host, int port) {
  client_socket* const made = make(owner);
  sockaddr_in to{};
  uv_ip4_addr(fmt::format("10.0.0.{}", host).c_str(), port, &to);
  simulated::tell("{} connects to port {} of host {}", owner.name(), port, host);
  uv_tcp_init(loop, &made->handle_.tcp);
  made->stream()->data = made;
  const int begun = uv_tcp_connect(&made->connect_, &made->handle_.tcp,
                                   reinterpret_cast<const sockaddr*>(&to), on_connected);
  if (begun == 0) return made;
  made->leave();
  return nullptr;
}

client_socket* client_socket::open_local(runtime::process& owner, uv_loop_t* loop, const std::string& path) {
  client_socket* const made = make(owner);
  uv_pipe_init(loop, &made->handle_.pipe, 0);
  made->stream()->data = made;
  uv_pipe_connect(&made->connect_, &made->handle_.pipe, path.c_str(), on_connected);
  return made;
}

void client_socket::start_reading() {
  uv_read_start(
      stream(),
      [](uv_handle_t*, std::size_t size, uv_buf_t* out) {
        out->base = static_cast<char*>(std::malloc(size));
        out->len = size;
      },
      [](uv_stream_t* from, ssize_t count, const uv_buf_t* bytes) {
        auto& to = *static_cast<client_socket*>(from->data);
        if (to.owner_ != nullptr && count > 0)
          simulated::tell("{} receives {} bytes: {:.60}", to.owner_->name(), count,
                          std::string_view(bytes->base, static_cast<std::size_t>(count)));
        if (to.owner_ != nullptr && count < 0)
          simulated::tell("{} receives no more: {}", to.owner_->name(), uv_strerror(static_cast<int>(count)));
        if (count > 0) to.came_.append(bytes->base, static_cast<std::size_t>(count));
        std::free(bytes->base);
        if (count < 0) {
          to.broke(count == UV_EOF ? 0 : static_cast<int>(count));
          uv_read_stop(from);
        }
        to.tell();
      });
}

void client_socket::stop_reading() {
  uv_read_stop(stream());
}

// Keeps the error of a write: if a write has taken a reset off the socket, reading reports an orderly end.
void client_socket::send(std::string bytes) {
  simulated::tell("{} sends {} bytes: {:.60}", owner_->name(), bytes.size(), bytes);
  auto* const one = new writing{{}, std::move(bytes)};
  one->request.data = one;
  uv_buf_t part = uv_buf_init(one->bytes.data(), static_cast<unsigned>(one->bytes.size()));
  const auto done = [](uv_write_t* request, int status) {
    auto& of = *static_cast<client_socket*>(request->handle->data);
    if (status != 0 && of.error_ == 0) of.error_ = status;
    delete static_cast<writing*>(request->data);
  };
  const int begun = uv_write(&one->request, stream(), &part, 1, done);
  if (begun == 0) return;
  if (error_ == 0) error_ = begun;
  delete one;
}

void client_socket::half_close() {
  simulated::tell("{} ends its direction", owner_->name());
  uv_shutdown(&shutdown_, stream(), [](uv_shutdown_t*, int) {});
}

void client_socket::leave(bool at_once) {
  simulated::tell("{} leaves the connection{}", owner_->name(), at_once ? ", by a reset" : "");
  owner_ = nullptr;
  const auto closed = [](uv_handle_t* handle) { delete static_cast<client_socket*>(handle->data); };
  // libuv refuses this while the handle shuts down.
  if (at_once && stream()->type == UV_TCP && uv_tcp_close_reset(&handle_.tcp, closed) == 0) return;
  uv_close(reinterpret_cast<uv_handle_t*>(stream()), closed);
}

void client_socket::tell() {
  if (owner_ != nullptr) owner_->request_io();
}

void client_socket::broke(int error) {
  over_ = true;
  if (error_ == 0) error_ = error;
}

} // namespace coppice::simulated
