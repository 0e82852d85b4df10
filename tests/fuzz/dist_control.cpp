// SPDX-License-Identifier: MIT
// The control message of a message: read_frequent_control() takes only what the general reader reads the same
// from the same bytes. The general reader reads back what the writer wrote. The same holds for short forms,
// and a node's name splits where it says.
// rooms: dist
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "dist/frequent_control.hpp"
#include "dist/node_name.hpp"
#include "dist/short_form.hpp"

namespace {

using namespace coppice;
using bytes = std::span<const std::uint8_t>;

constexpr std::array<std::string_view, 3> names{"node@host", "", "\xc3\xa9@h"};

void demand(bool truth) {
  if (!truth) __builtin_trap();
}

void usual(bytes in) {
  const std::span<const std::string_view> table(names);
  const etf::atom_lookup atoms(table);
  dist::control_message quick;
  const auto size = dist::read_frequent_control(in, atoms, quick);
  if (!size) return;
  const auto seen = etf::scan(in, {}, etf::cached_atoms::allowed);
  demand(seen && seen->length == *size);
  etf::vector_writer canonical;
  demand(etf::canonicalise(in.first(*size), canonical, {}, atoms).has_value());
  const auto slow = dist::decode_control(canonical.view());
  demand(slow.has_value());
  etf::vector_writer one, other;
  dist::encode_control(one, quick);
  dist::encode_control(other, *slow);
  demand(!one.failed() && std::ranges::equal(one.view(), other.view()));
}

void whole(bytes in) {
  const std::span<const std::string_view> table(names);
  const auto seen = etf::scan(in, {}, etf::cached_atoms::allowed);
  etf::vector_writer canonical;
  if (!seen || !etf::canonicalise(in.first(seen->length), canonical, {}, etf::atom_lookup(table))) return;
  const auto read = dist::decode_control(canonical.view());
  if (!read) return;
  etf::vector_writer one, other;
  dist::encode_control(one, *read);
  const auto again = dist::decode_control(one.view());
  demand(!one.failed() && again.has_value());
  dist::encode_control(other, *again);
  demand(std::ranges::equal(one.view(), other.view()));
}

void brief(bytes in) {
  bytes rest = in;
  dist::short_form read;
  if (!dist::read_short_form(rest, read)) return;
  std::array<std::uint8_t, dist::max_short_head> again;
  const auto size = dist::write_short_form(again, read);
  bytes written(again.data(), size);
  demand(in.size() - rest.size() == size && std::ranges::equal(written, in.first(size)));
}

void name(bytes in) {
  const std::string_view text(reinterpret_cast<const char*>(in.data()), in.size());
  const auto parts = dist::parse_node_name(text);
  if (parts) demand(!parts->alive.empty() && parts->alive.size() + 1 + parts->host.size() == text.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bytes in(data, size);
  usual(in);
  whole(in);
  brief(in);
  name(in);
  return 0;
}
