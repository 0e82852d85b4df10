// SPDX-License-Identifier: MIT
// See saga_job.hpp.
#include "behaviours/saga/saga_job.hpp"

#include <coppice/etf/cursor.hpp>

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;

saga_ticket::~saga_ticket() {
  system_.notify(keeper_, saga_news::over(job_->what.token));
}

namespace saga_news {
namespace {

constexpr std::string_view tag = "$coppice_saga_job";

void begin(message_writer& out, std::string_view word, std::uint64_t token, std::uint32_t arity) {
  out.tuple(arity);
  out.atom(tag);
  out.atom(word);
  out.unsigned_integer(token);
}

message plain(std::string_view word, std::uint64_t token) {
  message_writer out;
  begin(out, word, token, 3);
  return out.take();
}

} // namespace

message over(std::uint64_t token) {
  return plain("over", token);
}

message stop(std::uint64_t token) {
  return plain("stop", token);
}

message began(std::uint64_t token, const runtime::pid& worker, const runtime::node_names& names) {
  message_writer out;
  begin(out, "began", token, 4);
  runtime::write(out, worker, names);
  return out.take();
}

message told(std::uint64_t token, etf::bytes key, etf::bytes value) {
  message_writer out(key.size() + value.size() + 64);
  begin(out, "told", token, 5);
  out.raw(key);
  out.raw(value);
  return out.take();
}

std::optional<news> read(const runtime::process& self, const message& m) {
  if (!self.origin().notice) return std::nullopt;
  etf::cursor at(m.bytes());
  std::uint32_t arity = 0;
  std::string_view word;
  news out;
  if (!at.read_tuple(arity) || !at.read_atom_is(tag) || !at.read_atom(word) || !at.read_unsigned(out.token))
    return std::nullopt;
  out.what = word == "began"  ? kind::began
             : word == "stop" ? kind::stop
             : word == "told" ? kind::told
                              : kind::over;
  out.rest = at;
  return out;
}

} // namespace saga_news

} // namespace coppice::behaviours
