// SPDX-License-Identifier: MIT
// Pids, ports, references and local funs in text: the whole forms that parse back, and <0.N.S> for a pid of
// the node the text is read on.
#include <string>

#include "base64.hpp"
#include "text_values.hpp"

namespace coppice::etf {

namespace {

/// `.N`
bool dotted(text_reader& in, std::uint64_t& value) {
  return in.expect(".") && in.plain_number(value);
}
bool dotted(text_reader& in, std::uint32_t& value) {
  std::uint64_t wide;
  const std::size_t start = in.at();
  if (!dotted(in, wide)) return false;
  if (wide > UINT32_MAX) return in.refuse_at(start, "a number of 32 bits expected");
  return value = static_cast<std::uint32_t>(wide), true;
}

bool read_node(text_reader& in, std::string& node, std::uint32_t& creation) {
  return in.atom(node) && dotted(in, creation);
}

bool read_pid(text_reader& in, term& out) {
  std::string node;
  pid value;
  if (!read_node(in, node, value.creation) || !dotted(in, value.id) || !dotted(in, value.serial) ||
      !in.expect(">"))
    return false;
  value.node = node;
  return out = term::pid(value), true;
}

bool read_port(text_reader& in, term& out) {
  std::string node;
  port value;
  if (!read_node(in, node, value.creation) || !dotted(in, value.id) || !in.expect(">")) return false;
  value.node = node;
  return out = term::port(value), true;
}

bool read_reference(text_reader& in, term& out) {
  std::string node;
  reference value;
  if (!read_node(in, node, value.creation)) return false;
  while (in.peek() == '.') {
    if (value.count == value.words.size()) return in.refuse("at most five words expected in a reference");
    if (!dotted(in, value.words[value.count++])) return false;
  }
  if (value.count == 0) return in.refuse("the words of a reference expected");
  if (!in.expect(">")) return false;
  value.node = node;
  return out = term::reference(value), true;
}

bool read_fun(text_reader& in, term& out) {
  const std::size_t start = in.at(), size = in.rest().find('>');
  if (size == std::string_view::npos) return in.refuse("\">\" expected");
  const auto encoded = base64_decode(in.rest().substr(0, size));
  in.advance(size + 1);
  if (encoded) {
    auto made = term::decode(*encoded, in.options().bounds);
    if (made && made->kind() == kind::fun) return out = std::move(*made), true;
  }
  return in.refuse_at(start, "a fun in base64 expected");
}

} // namespace

bool read_local_pid(text_reader& in, term& out) {
  in.advance(1);
  std::uint64_t zero;
  pid value{in.options().node, 0, 0, in.options().creation};
  const std::size_t start = in.at();
  if (!in.plain_number(zero)) return false;
  if (zero != 0)
    return in.refuse_at(start,
                        "0 expected: a pid of another node is written #Pid<'node@host'.Creation.Id.Serial>");
  if (!dotted(in, value.id) || !dotted(in, value.serial) || !in.expect(">")) return false;
  out = term::pid(value);
  return true;
}

bool read_identity(text_reader& in, term& out) {
  if (in.accept("#Pid<")) return read_pid(in, out);
  if (in.accept("#Port<")) return read_port(in, out);
  if (in.accept("#Ref<")) return read_reference(in, out);
  if (in.accept("#Fun<")) return read_fun(in, out);
  return in.refuse("#{, #Pid<, #Ref<, #Port< or #Fun< expected");
}

} // namespace coppice::etf
