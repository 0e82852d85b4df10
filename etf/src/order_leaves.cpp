// SPDX-License-Identifier: MIT
// Identities, bitstrings and funs of Erlang's term order.
#include <algorithm>
#include <cstring>

#include <coppice/etf/wire.hpp>

#include "order_leaves.hpp"

namespace coppice::etf::order {

namespace {

int compare_nodes(std::string_view a, std::uint32_t a_creation, std::string_view b,
                  std::uint32_t b_creation) {
  const int order = compare_text(a, b);
  return order != 0 ? order : three_way(a_creation, b_creation);
}

struct local_fun {
  std::string_view module;
  std::int64_t old_index = 0, old_uniq = 0;
  std::uint32_t index = 0, free_variables = 0;
  bytes uniq;
};

/// The head of a NEW_FUN_EXT; leaves `in` at its free variables.
bool read_fun(cursor& in, local_fun& out) {
  const bytes all = in.rest();
  if (all.size() < 30 || in.peek_tag() != static_cast<std::uint8_t>(tag::new_fun)) return false;
  out.uniq = all.subspan(6, 16);
  out.index = wire::load32(all.data() + 22);
  out.free_variables = wire::load32(all.data() + 26);
  in.advance(30);
  pid creator;
  return in.read_atom(out.module) && in.read_integer(out.old_index) && in.read_integer(out.old_uniq) &&
         in.read_pid(creator);
}

} // namespace

int compare_bytes(bytes a, bytes b) {
  const std::size_t common = std::min(a.size(), b.size());
  const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
  return order != 0 ? three_way(order, 0) : three_way(a.size(), b.size());
}

int rank(kind k) {
  switch (k) {
    case kind::integer:
    case kind::floating:
      return 1;
    case kind::atom:
      return 2;
    case kind::reference:
      return 3;
    case kind::fun:
      return 4;
    case kind::port:
      return 5;
    case kind::pid:
      return 6;
    case kind::tuple:
      return 7;
    case kind::map:
      return 8;
    case kind::nil:
      return 9;
    case kind::list:
      return 10;
    case kind::binary:
    case kind::bitstring:
      return 11;
    case kind::none:
      return 0;
  }
  return 0;
}

int compare_pids(cursor& a, cursor& b) {
  pid x, y;
  if (!a.read_pid(x) || !b.read_pid(y)) return 0;
  if (x.serial != y.serial) return three_way(x.serial, y.serial);
  if (x.id != y.id) return three_way(x.id, y.id);
  return compare_nodes(x.node, x.creation, y.node, y.creation);
}

int compare_ports(cursor& a, cursor& b) {
  port x, y;
  if (!a.read_port(x) || !b.read_port(y)) return 0;
  const int order = compare_nodes(x.node, x.creation, y.node, y.creation);
  return order != 0 ? order : three_way(x.id, y.id);
}

int compare_references(cursor& a, cursor& b) {
  reference x, y;
  if (!a.read_reference(x) || !b.read_reference(y)) return 0;
  const int order = compare_nodes(x.node, x.creation, y.node, y.creation);
  if (order != 0) return order;
  for (std::size_t i = x.words.size(); i-- != 0;) {
    if (x.words[i] != y.words[i]) return three_way(x.words[i], y.words[i]);
  }
  return 0;
}

int compare_bitstrings(cursor& a, cursor& b) {
  bytes x, y;
  unsigned x_bits, y_bits;
  if (!a.read_bitstring(x, x_bits) || !b.read_bitstring(y, y_bits)) return 0;
  if (x_bits == 8 && y_bits == 8) return compare_bytes(x, y);
  const std::size_t x_size = x.size() * 8 - (8 - x_bits), y_size = y.size() * 8 - (8 - y_bits);
  const std::size_t common = std::min(x_size, y_size);
  if (common >= 8) {
    const int order = std::memcmp(x.data(), y.data(), common / 8);
    if (order != 0) return three_way(order, 0);
  }
  if (const unsigned left = common % 8; left != 0) {
    const unsigned mask = 0xFF00U >> left & 0xFFU;
    const unsigned p = x[common / 8] & mask, q = y[common / 8] & mask;
    if (p != q) return three_way(p, q);
  }
  return three_way(x_size, y_size);
}

int compare_exported_funs(cursor& a, cursor& b) {
  std::string_view x_module, y_module, x_name, y_name;
  std::uint8_t x_arity = 0, y_arity = 0;
  if (!a.read_exported_fun(x_module, x_name, x_arity) || !b.read_exported_fun(y_module, y_name, y_arity))
    return 0;
  int order = compare_text(x_module, y_module);
  if (order == 0) order = compare_text(x_name, y_name);
  return order != 0 ? order : three_way(x_arity, y_arity);
}

int compare_local_funs(cursor& a, cursor& b, std::uint32_t& free_variables) {
  local_fun x, y;
  free_variables = 0;
  if (!read_fun(a, x) || !read_fun(b, y)) return 0;
  int order = compare_text(x.module, y.module);
  if (order == 0) order = three_way(x.old_index, y.old_index);
  if (order == 0) order = three_way(x.old_uniq, y.old_uniq);
  if (order == 0) order = three_way(x.index, y.index);
  if (order == 0) order = compare_bytes(x.uniq, y.uniq);
  if (order == 0) order = three_way(x.free_variables, y.free_variables);
  if (order == 0) free_variables = x.free_variables;
  return order;
}

} // namespace coppice::etf::order
