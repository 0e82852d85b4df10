// SPDX-License-Identifier: MIT
// Blocking exchange over a Unix-domain socket, with poll(2) for the deadline. A reply larger than the
// protocol allows ends the exchange, so that it cannot fill memory.
#include "cli/client.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "api/socket_path.hpp"

namespace coppice::cli {

namespace {

using clock = std::chrono::steady_clock;

unexpected<no_reply> gone(std::string why) {
  return unexpected(no_reply{api::exit_code::no_node, std::move(why)});
}

unexpected<no_reply> closed(const std::string& why = {}) {
  return unexpected(no_reply{api::exit_code::no_node, "the node closed the connection" + why, false, true});
}

std::string words(int number) {
  return std::strerror(number);
}

unexpected<no_reply> too_large(std::size_t most) {
  return unexpected(no_reply{
      api::exit_code::failed,
      fmt::format("the node's answer is too large: this client takes at most {} MiB", most >> 20), false,
      false,
      "the node runs, and the command was carried out: ask for a part of it, or ask from a process of "
      "another node"});
}

// Milliseconds that poll may wait. -1: for ever; 0: the deadline has passed.
int poll_time(const std::optional<clock::time_point>& deadline) {
  if (!deadline) return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 1 << 30));
}

unexpected<no_reply> silent() {
  return unexpected(no_reply{api::exit_code::timed_out, "the node does not answer", false});
}

// Sets how long connect(2) waits for room in the listener's queue: SO_SNDTIMEO of unix(7), where 0 means for
// ever.
void set_patience(int fd, std::chrono::milliseconds patience) {
  const auto time = std::clamp(patience, std::chrono::milliseconds(1), std::chrono::milliseconds(1 << 30));
  timeval bound{};
  bound.tv_sec = time.count() / 1000;
  bound.tv_usec = time.count() % 1000 * 1000;
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
}

// The client's statements about its user, for the node's log.
api::claims own_claims() {
  api::claims out;
  if (const char* const by = std::getenv("SUDO_USER"); by != nullptr) out.sudo_user = by;
  std::array<char, 64> name{};
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (!out.terminal.empty() || ttyname_r(descriptor, name.data(), name.size()) != 0) continue;
    constexpr std::string_view devices = "/dev/";
    out.terminal = name.data();
    if (out.terminal.starts_with(devices)) out.terminal.erase(0, devices.size());
  }
  return out;
}

} // namespace

expected<client, no_reply> client::connect(const std::filesystem::path& socket_path,
                                           std::optional<std::chrono::milliseconds> patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& path = socket_path.native();
  if (path.size() >= sizeof address.sun_path) {
    return unexpected(no_reply{api::exit_code::usage, path + ": the path is too long for a socket", false});
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);

  client made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (made.fd_ < 0) return gone("socket: " + words(errno));
  if (patience) set_patience(made.fd_, *patience);
  if (::connect(made.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EAGAIN) return silent();
    if (errno == EACCES) {
      return unexpected(
          no_reply{api::exit_code::no_node, path + ": " + api::who_may_open(socket_path), true});
    }
    return gone(path + ": " + words(errno));
  }
  return made;
}

client::client(client&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), largest_(other.largest_), received_(std::move(other.received_)) {}

client& client::operator=(client&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(largest_, other.largest_);
  std::swap(received_, other.received_);
  return *this;
}

client::~client() {
  if (fd_ >= 0) ::close(fd_);
}

expected<api::reply, no_reply> client::ask(const api::request& r,
                                           std::optional<std::chrono::milliseconds> patience,
                                           std::function<void()> slow) {
  const clock::time_point slow_at = clock::now() + std::chrono::seconds(1);
  std::optional<clock::time_point> deadline;
  if (patience) deadline = clock::now() + *patience;

  api::request whole = r;
  whole.from = own_claims();
  const std::string line = api::encode(whole);
  for (std::size_t sent = 0; sent < line.size();) {
    ssize_t n = ::send(fd_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      pollfd full{fd_, POLLOUT, 0};
      const int room = ::poll(&full, 1, poll_time(deadline));
      if (room < 0 && errno != EINTR) return gone("poll: " + words(errno));
      if (room == 0) return silent();
      continue;
    }
    if (n < 0) return closed(": " + words(errno));
    sent += static_cast<std::size_t>(n);
  }

  std::size_t searched = 0;
  for (;;) {
    if (auto end = received_.find('\n', searched); end != std::string::npos) {
      auto reply = api::decode_reply(std::string_view(received_).substr(0, end));
      received_.erase(0, end + 1);
      if (!reply) return gone("the node's answer is not understood: " + reply.error().text);
      return std::move(*reply);
    }
    searched = received_.size();
    if (received_.size() > largest_) return too_large(largest_);

    pollfd waiting{fd_, POLLIN, 0};
    const bool tells = slow && (!deadline || slow_at < *deadline);
    int ready = ::poll(&waiting, 1, poll_time(tells ? std::optional(slow_at) : deadline));
    if (ready < 0 && errno != EINTR) return gone("poll: " + words(errno));
    if (ready == 0 && tells) {
      std::exchange(slow, nullptr)();
      continue;
    }
    if (ready == 0) return silent();
    if (ready < 0) continue;

    std::array<char, 65536> chunk;
    ssize_t n = ::recv(fd_, chunk.data(), chunk.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return closed(": " + words(errno));
    if (n == 0) return closed();
    received_.append(chunk.data(), static_cast<std::size_t>(n));
  }
}

} // namespace coppice::cli
