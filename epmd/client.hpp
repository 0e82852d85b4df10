// SPDX-License-Identifier: MIT
// One question to an EPMD: connect, ask, take the answer, hang up. Bounded in time and bytes. The callback is
// called exactly once, never before the call that started the inquiry returns, and may destroy the inquiry.
// Destroying the inquiry earlier silences it. The loop's thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/socket_address.hpp"
#include "epmd/protocol.hpp"

namespace coppice::epmd {

constexpr std::chrono::milliseconds default_patience{5000};

class inquiry {
 public:
  template <class Answer>
  using done_fn = std::function<void(base::result<Answer>)>;

  // Empty: no inquiry.
  inquiry();
  inquiry(inquiry&& other) noexcept;
  inquiry& operator=(inquiry&& other) noexcept;
  ~inquiry();

  explicit operator bool() const { return exchange_ != nullptr; }

  // `done` gets nothing if `name` is not registered there.
  static base::result<inquiry> lookup(uv_loop_t* on, const base::socket_address& epmd,
                                      const std::string& name, std::chrono::milliseconds patience,
                                      done_fn<std::optional<node_info>> done);
  static base::result<inquiry> names(uv_loop_t* on, const base::socket_address& epmd,
                                     std::chrono::milliseconds patience, done_fn<names_reply> done);
  // Sends any request whose answer ends with the connection (dump, kill, stop). `done` gets the answer's
  // bytes.
  static base::result<inquiry> ask(uv_loop_t* on, const base::socket_address& epmd, const request& asked,
                                   std::chrono::milliseconds patience, done_fn<std::string> done);

 private:
  class exchange;
  template <class Answer>
  class exchange_for;
  explicit inquiry(std::unique_ptr<exchange> under_way);
  std::unique_ptr<exchange> exchange_;
};

} // namespace coppice::epmd
