// SPDX-License-Identifier: MIT
// The advice names the directive that a socket unit needs. Any thread.
#include "net/listening/bind_error.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>

namespace coppice::net {

namespace {

constexpr std::uint16_t first_free_port = 1024;

} // namespace

unexpected<base::error> fail_to_bind(std::string_view doing, const base::socket_address& address, int number,
                                     std::string_view directive) {
  auto why = base::fail_errno(fmt::format("{} {}", doing, address.to_string()), number);
  if (number == EACCES && address.port() < first_free_port)
    why.error().text += fmt::format(
        "; a port below 1024 needs a right that this process does not have: let a socket unit of systemd "
        "open it, "
        "with {}= and FileDescriptorName=NAME, and listen on {{ socket: NAME }}",
        directive);
  return why;
}

} // namespace coppice::net
