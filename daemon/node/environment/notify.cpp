// SPDX-License-Identifier: MIT
// Sends one datagram to a Unix socket, named by a path or, with a leading @, by an abstract name. The node
// runs also if that fails. Any thread.
#include "node/environment/notify.hpp"

#include <unistd.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

namespace coppice::node {
namespace {

// 0: not set, or not a number.
std::uint64_t number_in(const char* variable) {
  const char* const text = std::getenv(variable);
  std::uint64_t value = 0;
  if (text == nullptr) return 0;
  const char* const end = text + std::strlen(text);
  const auto read = std::from_chars(text, end, value);
  return read.ec == std::errc() && read.ptr == end ? value : 0;
}

// One day. A longer time is ignored.
constexpr std::uint64_t longest_watchdog = 86'400'000'000; // µs

} // namespace

service_manager::service_manager() {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr) return;
  const std::size_t length = std::strlen(path);
  if (length < 2 || length >= sizeof address_.sun_path || (path[0] != '/' && path[0] != '@')) return;
  address_.sun_family = AF_UNIX;
  std::memcpy(address_.sun_path, path, length);
  if (path[0] == '@') address_.sun_path[0] = 0;
  size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  socket_ = base::unique_fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // The variable may be meant for a parent process.
  const std::uint64_t whose = number_in("WATCHDOG_PID");
  const std::uint64_t within = number_in("WATCHDOG_USEC");
  if ((whose == 0 || whose == static_cast<std::uint64_t>(getpid())) && within <= longest_watchdog)
    watchdog_ = static_cast<base::nanos>(within) * 1000;
}

bool service_manager::tell(std::string_view lines, int descriptor) const {
  if (!socket_) return false;
  iovec text{const_cast<char*>(lines.data()), lines.size()};
  msghdr message{};
  message.msg_name = const_cast<sockaddr_un*>(&address_);
  message.msg_namelen = size_;
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> beside{};
  if (descriptor >= 0) {
    message.msg_control = beside.data();
    message.msg_controllen = beside.size();
    cmsghdr* const rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
  }
  const auto sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent == static_cast<ssize_t>(lines.size());
}

bool service_manager::keeps() const {
  const char* const at_most = std::getenv("FDSTORE");
  return listens() && (at_most == nullptr || std::string_view(at_most) != "0");
}

} // namespace coppice::node
