// SPDX-License-Identifier: MIT
// Values that a configuration names but does not contain: the text of a file, or of a credential that systemd
// has given the service. The positions of such values in a term are kept beside the term, as byte offsets. So
// a map that only looks like a marker, for example from another node, names no file. Reading blocks. Any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace coppice::base {

// The keys of the marker maps: #{'$file' => Path}, #{'$credential' => Name}.
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

// The secrets of one term, by offset.
struct secrets {
  std::vector<secret> all;
  bool are_read = false; // the term contains the values themselves and no markers
};

// null: none.
using secrets_ptr = std::shared_ptr<const secrets>;

inline constexpr std::size_t most_of_secret = std::size_t{64} << 10; // bytes

// Whether `name` may stand in a marker: the absolute path of a file, or a name that stays inside the folder
// of credentials. It has no zero byte.
bool can_name_secret(secret::source from, std::string_view name);

// The present value, without one newline at its end. A file has to be regular, and may be accessible only to
// its owner and group. The error begins with `at`, names the file, and never contains its content.
// errc::refused: others may access it. errc::invalid: it is empty or not regular, or can_name_secret() is
// false. errc::limit: it is too large. errc::not_found: it does not exist, or there are no credentials.
// errc::system.
result<std::string> read_secret(const secret&);

} // namespace coppice::base
