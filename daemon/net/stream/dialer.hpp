// SPDX-License-Identifier: MIT
// Connects to a host by name, to an address, or to a Unix-domain socket, and secures the connection if TLS is
// set. The addresses of a host are tried one after the other, IPv6 and IPv4 in turn; the next attempt begins
// when one has failed or a moment has passed, and the first connection that succeeds is taken (RFC 8305). One
// deadline covers all of it. The loop's thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/socket_address.hpp"
#include "net/stream/resolver.hpp"
#include "net/stream/stream.hpp"

namespace coppice::net {

struct dial_target {
  std::string host{}; // a name or an address
  std::uint16_t port = 0;
  std::string path{}; // Unix-domain socket path; if set, `host` is used only as the name that TLS verifies
};

struct dial_options {
  // The time from the look-up to the end of the TLS handshake.
  std::chrono::milliseconds timeout{7000};
  // Between the starts of two attempts.
  std::chrono::milliseconds attempt_delay{250};
  // The local address, see connect_options. Addresses of the other family are left out.
  std::optional<base::socket_address> from{};
  // A client's TLS. If its `host` is empty, the target's host is used; its `timeout` is ignored.
  tls_options tls{};
  lookup_cause cause = lookup_cause::own; // why the target's host is looked up
};

// Orders addresses as RFC 8305 4 does: the families alternate, beginning with the first address's; each
// family keeps its order.
std::vector<base::socket_address> interleaved(const std::vector<base::socket_address>& addresses);

// An attempt to connect. Destroying it cancels the attempt, and no callback follows.
class dialer {
 public:
  // A stream that is connected and secured, and reads as soon as the call returns: the callee gives it a
  // handler (set_handler), without which received bytes are lost. Or the error: errc::timeout, or that of the
  // last attempt. Its text names the target and how many of its addresses were tried.
  using done_fn = std::function<void(base::result<stream>)>;

  // Empty: no attempt.
  dialer();
  dialer(dialer&& other) noexcept;
  dialer& operator=(dialer&& other) noexcept;
  ~dialer();

  // `done` is called once, never before this returns; it may destroy the dialer.
  static base::result<dialer> start(uv_loop_t* on, const dial_target& to, const dial_options& options,
                                    done_fn done);
  // Connects to one of these addresses, tried in this order, with their own ports. The target's host is used
  // only as a name.
  static base::result<dialer> start_among(uv_loop_t* on, std::vector<base::socket_address> addresses,
                                          const dial_target& to, const dial_options& options, done_fn done);

  // An attempt is under way, or has finished and the dialer was not destroyed.
  explicit operator bool() const { return inner_ != nullptr; }

 private:
  class inner;
  class attempt;
  explicit dialer(std::unique_ptr<inner> made);
  std::unique_ptr<inner> inner_;
};

} // namespace coppice::net
