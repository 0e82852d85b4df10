// SPDX-License-Identifier: MIT
// Values that a configuration names and does not hold: the text of a file, or of a credential that systemd
// has given the service. Where such a value stands in a term is kept beside the term, as byte positions: a
// map that merely looks like a marker, from another node for instance, names no file. Any thread; reading
// blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace coppice::base {

// The key of the marker map that stands for one: #{'$file' => Path}, #{'$credential' => Name}.
inline constexpr std::string_view secret_file_key = "$file";
inline constexpr std::string_view secret_credential_key = "$credential";

struct secret {
  enum class source : std::uint8_t { file, credential };
  source from = source::file;
  std::string name;       // a path, or the credential's name
  std::string at;         // "args.password", for people
  std::size_t offset = 0; // of the value in the term
  std::size_t size = 0;   // of the value in the term, bytes
};

// Those of one term, by offset.
struct secrets {
  std::vector<secret> all;
  bool are_read = false; // the values themselves stand in the term, no markers
};

// null: none.
using secrets_ptr = std::shared_ptr<const secrets>;

inline constexpr std::size_t most_of_secret = std::size_t{64} << 10; // bytes

// What it says now, without one newline at the end. A file must be a regular one, and only its owner and its
// group may have rights to it. The error begins with `at`, names the file, and never has its content:
// errc::refused, errc::invalid: it is empty or no regular file; errc::limit; errc::not_found: there are no
// credentials; errc::system.
result<std::string> read_secret(const secret&);

} // namespace coppice::base
