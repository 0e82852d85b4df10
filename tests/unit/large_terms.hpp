// SPDX-License-Identifier: MIT
// Terms of a chosen size that are expensive for a careless reader, for tests of how the amount of work grows
// with the size. One thread.
#pragma once

#include <array>
#include <coppice/etf/writer.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace coppice::test {

struct large_term {
  std::string_view name;
  void (*write)(etf::writer& out, std::size_t bytes); // a term of about that many bytes; at least 64
};

namespace terms {

// Deeper than the terms that OTP sends, but within the depth that a node accepts.
inline void deep(etf::writer& out, std::size_t bytes) {
  constexpr std::size_t levels = 100;
  const std::size_t columns = bytes / (2 * levels) + 1;
  out.list(static_cast<std::uint32_t>(columns));
  for (std::size_t i = 0; i < columns; ++i) {
    for (std::size_t level = 0; level < levels; ++level) out.tuple(1);
    out.nil();
  }
  out.nil();
}

inline void wide(etf::writer& out, std::size_t bytes) {
  const std::size_t count = bytes / 2;
  out.list(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) out.integer(static_cast<std::int64_t>(i % 200));
  out.nil();
}

inline void improper(etf::writer& out, std::size_t bytes) {
  const std::size_t count = bytes / 2;
  out.list(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) out.integer(1);
  out.atom("end");
}

inline void repeated(etf::writer& out, std::size_t bytes) {
  const std::size_t count = bytes / 12 + 1;
  out.tuple(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    out.tuple(2);
    out.atom("same");
    out.integer(300);
  }
}

// Keys that differ only in how they are nested: {X, [], []} or [X, []] at each level.
inline void alike_keys(etf::writer& out, std::size_t bytes) {
  constexpr unsigned levels = 16; // the key is a number of that many bits, one bit a level
  const std::size_t count = bytes / (7 * levels) + 1;
  out.map(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    for (unsigned level = 0; level < levels; ++level) (i >> level & 1) != 0 ? out.tuple(3) : out.list(2);
    out.integer(1);
    for (unsigned level = levels; level-- > 0;) {
      out.nil();
      out.nil();
    }
    out.nil();
  }
}

// Keys that collide in a hash table whose size is a power of two and whose hash is the number itself.
inline void multiples(etf::writer& out, std::size_t bytes) {
  const std::size_t count = bytes / 8 + 1;
  out.map(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    out.integer(static_cast<std::int64_t>(i << 20));
    out.nil();
  }
}

inline void binary(etf::writer& out, std::size_t bytes) {
  out.binary(std::string(bytes, 'x'));
}

inline void deep_maps(etf::writer& out, std::size_t bytes) {
  constexpr std::size_t levels = 100;
  const std::size_t columns = bytes / (7 * levels) + 1;
  out.list(static_cast<std::uint32_t>(columns));
  for (std::size_t i = 0; i < columns; ++i) {
    for (std::size_t level = 0; level < levels; ++level) {
      out.map(1);
      out.integer(1);
    }
    out.nil();
  }
  out.nil();
}

} // namespace terms

inline constexpr std::array<large_term, 8> large_terms{{{"deep", terms::deep},
                                                        {"wide", terms::wide},
                                                        {"improper", terms::improper},
                                                        {"repeated", terms::repeated},
                                                        {"alike keys", terms::alike_keys},
                                                        {"multiples", terms::multiples},
                                                        {"a binary", terms::binary},
                                                        {"deep maps", terms::deep_maps}}};

} // namespace coppice::test
