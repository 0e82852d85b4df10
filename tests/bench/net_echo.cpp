// SPDX-License-Identifier: MIT
// A floor of the net_… rows: libuv alone, on one loop. Sends back what comes, with uv_try_write. What the
// kernel does not take at once goes out with uv_write, and it reads on only after that. Prints "serving
// PORT", and serves until it is ended.
#include <sys/resource.h>
#include <uv.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace {

struct connection {
  uv_tcp_t socket{};
  uv_write_t writing{};
  std::string rest{}; // what the kernel has not taken yet
};

// One buffer is enough: what is read is written before the next read.
char shared[64 * 1024];

connection& of(uv_stream_t* stream) {
  return *static_cast<connection*>(stream->data);
}

void close(uv_stream_t* stream) {
  uv_close(reinterpret_cast<uv_handle_t*>(stream),
           [](uv_handle_t* handle) { delete static_cast<connection*>(handle->data); });
}

void lend(uv_handle_t*, std::size_t, uv_buf_t* out) {
  *out = uv_buf_init(shared, sizeof shared);
}

void take(uv_stream_t* from, ssize_t count, const uv_buf_t*);

void write_rest(uv_stream_t* to) {
  connection& one = of(to);
  const uv_buf_t rest = uv_buf_init(one.rest.data(), static_cast<unsigned>(one.rest.size()));
  uv_read_stop(to);
  uv_write(&one.writing, to, &rest, 1, [](uv_write_t* done, int status) {
    if (uv_is_closing(reinterpret_cast<uv_handle_t*>(done->handle)) != 0) return;
    if (status != 0) return close(done->handle);
    uv_read_start(done->handle, lend, take);
  });
}

void take(uv_stream_t* from, ssize_t count, const uv_buf_t*) {
  if (count == 0) return;
  if (count < 0) return close(from);
  const auto size = static_cast<std::size_t>(count);
  const uv_buf_t all = uv_buf_init(shared, static_cast<unsigned>(size));
  const int written = uv_try_write(from, &all, 1);
  if (written < 0 && written != UV_EAGAIN) return close(from);
  const std::size_t done = written > 0 ? static_cast<std::size_t>(written) : 0;
  if (done == size) return;
  of(from).rest.assign(shared + done, size - done);
  write_rest(from);
}

void accept(uv_stream_t* listener, int status) {
  if (status != 0) return;
  auto* const one = new connection; // its close callback deletes it
  uv_tcp_init(listener->loop, &one->socket);
  one->socket.data = one;
  auto* const stream = reinterpret_cast<uv_stream_t*>(&one->socket);
  if (uv_accept(listener, stream) != 0) return close(stream);
  uv_tcp_nodelay(&one->socket, 1);
  uv_read_start(stream, lend, take);
}

} // namespace

int main() {
  rlimit both{};
  getrlimit(RLIMIT_NOFILE, &both);
  both.rlim_cur = both.rlim_max;
  setrlimit(RLIMIT_NOFILE, &both);

  uv_loop_t* const loop = uv_default_loop();
  uv_tcp_t listener{};
  sockaddr_in address{};
  int length = sizeof address;
  uv_tcp_init(loop, &listener);
  uv_ip4_addr("127.0.0.1", 0, &address);
  if (uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0) != 0 ||
      uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 511, accept) != 0 ||
      uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return 1;
  }
  std::printf("serving %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
