// SPDX-License-Identifier: MIT
// Terms for tests: one sample of every tag as a peer may send it, and random terms from a seed.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <coppice/etf/types.hpp>
#include <coppice/etf/writer.hpp>

namespace samples {

using buffer = std::vector<std::uint8_t>;

/// Bytes from hexadecimal digits; spaces are skipped.
buffer hex(std::string_view digits);
std::string to_hex(coppice::etf::bytes data);

struct sample {
  std::string_view name;
  buffer wire;           ///< as a peer sends it, without 131
  std::string_view text; ///< as Erlang prints it
  bool canonical;
};

/// Every tag of the format that stands for a term of its own.
const std::vector<sample>& all();

/// A random canonical term of any type, with at most `depth` levels.
void random_term(std::mt19937_64& random, coppice::etf::writer& out, int depth);
buffer random_term(std::mt19937_64& random, int depth = 4);

} // namespace samples
