// SPDX-License-Identifier: MIT
// Connects to a host by its name, to an address or to a Unix-domain socket, and secures the connection where
// that is asked for. Of a host with several addresses one after the other is tried, IPv6 and IPv4 in turn,
// each a moment after the one before or when that has failed; the first that answers is taken (RFC 8305).
// One deadline holds for all of it. The loop's thread.
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
  std::string path{}; // of a Unix-domain socket, if not empty; host is then only whom TLS verifies
};

struct dial_options {
  // From the look-up to the end of TLS's handshake.
  std::chrono::milliseconds timeout{7000};
  // Between the beginnings of two attempts.
  std::chrono::milliseconds attempt_delay{250};
  // As connect_options has it; addresses of the other family are then left out.
  std::optional<base::socket_address> from{};
  // A client's; without `host` that is the target's. Its timeout does not count.
  tls_options tls{};
  lookup_cause cause = lookup_cause::own; // of the target's host
};

// As RFC 8305 4 orders them: the families in turn, beginning with the first one's, each in its own order.
std::vector<base::socket_address> interleaved(const std::vector<base::socket_address>& addresses);

// An attempt to connect, under way. Destroying it ends it, and nothing is heard of it any more.
class dialer {
 public:
  // A stream that is connected and secured, and reads from when this returns: it gives the stream a handler
  // (set_handler), without which what arrives is lost. Or why there is none: errc::timeout, or what the last
  // attempt failed with; the text names the target and how many of its addresses were tried.
  using done_fn = std::function<void(base::result<stream>)>;

  // Empty.
  dialer();
  dialer(dialer&& other) noexcept;
  dialer& operator=(dialer&& other) noexcept;
  ~dialer();

  // `done` is called once, never before this returns; it may destroy the dialer.
  static base::result<dialer> start(uv_loop_t* on, const dial_target& to, const dial_options& options,
                                    done_fn done);
  // To one of these, in this order, whatever their ports; the target's host is then only a name.
  static base::result<dialer> start_among(uv_loop_t* on, std::vector<base::socket_address> addresses,
                                          const dial_target& to, const dial_options& options, done_fn done);

  // Under way, or finished with the wrapper still there.
  explicit operator bool() const { return inner_ != nullptr; }

 private:
  class inner;
  class attempt;
  explicit dialer(std::unique_ptr<inner> made);
  std::unique_ptr<inner> inner_;
};

} // namespace coppice::net
