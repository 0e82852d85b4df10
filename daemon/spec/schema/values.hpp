// SPDX-License-Identifier: MIT
// Types that several parts of a configuration have: times, terms, places, bounds of mailboxes, TLS. Plain
// values; each member's initial value is that key's default.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coppice::spec {

using milliseconds = std::chrono::milliseconds;

// One term in External Term Format without the leading 131.
using encoded_term = std::vector<std::uint8_t>;

// Where in the files something was said; line and column count from 1, 0 means nowhere (a default).
struct place {
  std::uint32_t file = 0; // index into node_spec::files
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

enum class isolation { none, process };
enum class unhandled { exit, reply_error, log, ignore };
enum class on_full { park_sender, drop_new, drop_old, exit };
enum class priority { low, normal, high, max };

// A whole number; nullopt: "auto", the code that uses it chooses.
using count_or_auto = std::optional<std::uint64_t>;

// A time, or "infinity": nullopt.
using time_or_infinity = std::optional<milliseconds>;

// A share of the machine's memory or a number of bytes.
struct memory_limit {
  unsigned percent = 75; // 1 to 100; 0: `bytes` counts
  std::uint64_t bytes = 0;
  bool operator==(const memory_limit&) const = default;
};

struct port_range {
  std::uint16_t first = 0;
  std::uint16_t last = 0; // 0-0: any free port
  bool operator==(const port_range&) const = default;
};

// Encryption of connections. `on`: with the node's automatic certificate, and peers are not verified.
struct tls_spec {
  enum class mode { off, on, files };
  enum class version { v1_3, v1_2 };
  mode how = mode::off;
  std::optional<std::string> certificate; // these three are absolute paths, for mode::files
  std::optional<std::string> key;
  std::optional<std::string> ca;
  bool verify = true;
  version least = version::v1_3;
  bool operator==(const tls_spec&) const = default;
};

// A certificate for clients that ask for this name. Absolute paths.
struct named_certificate {
  std::string name;
  std::string certificate;
  std::string key;
  bool operator==(const named_certificate&) const = default;
};

struct compression_options {
  std::uint32_t level = 0;        // 0: off
  std::uint64_t threshold = 1024; // bytes
  bool operator==(const compression_options&) const = default;
};

struct mailbox_options {
  std::uint32_t limit = 100'000; // messages; see tree/mailbox.hpp
  std::uint64_t bytes = 0;       // 0: no bound of its own
  spec::on_full on_full = spec::on_full::park_sender;
  bool operator==(const mailbox_options&) const = default;
};

// A plugin that the tree names, found in plugins.path.
struct plugin_file {
  std::string id;
  std::string path;                // absolute
  std::vector<std::string> drafts; // names of the interfaces it uses that may still change
};

} // namespace coppice::spec
