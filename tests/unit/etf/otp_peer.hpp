// SPDX-License-Identifier: MIT
// A long-lived `erl` with which tests compare the library's bytes. Questions and answers are packets with a
// four-byte length, over its standard input and output. It is ended with the object. Without erl, available()
// is false.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coppice/etf/types.hpp>

class otp_peer {
 public:
  otp_peer();
  ~otp_peer();
  otp_peer(const otp_peer&) = delete;
  otp_peer& operator=(const otp_peer&) = delete;

  bool available() const { return pid_ > 0; }

  using buffer = std::vector<std::uint8_t>;
  /// Sends `op` and the payload. Returns the answer. Empty: the node refused, or it is gone.
  buffer ask(char op, coppice::etf::bytes payload);
  buffer ask(char op, std::string_view payload);

 private:
  bool send(const buffer& packet);
  std::optional<buffer> receive();

  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
};
