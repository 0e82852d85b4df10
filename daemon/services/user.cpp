// SPDX-License-Identifier: MIT
// Erlang's I/O protocol (stdlib user's guide), its output half: {io_request, From, ReplyAs, Request} is
// answered {io_reply, ReplyAs, Result}. Of requests by module and function io_lib:format/2 is the one that
// nodes send; what cannot be formatted is printed as format and arguments. In the process's own turn.
#include "services/user.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "runtime/system.hpp"
#include "services/io_format.hpp"

namespace coppice::services {
namespace {

constexpr std::size_t longest_line = 4096;

enum class answer { ok, eof, request };

void log_text(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.size() > longest_line) text = text.substr(0, longest_line) + "…";
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') c = '?';
  }
  if (!text.empty()) base::log::info("user", "{}", text);
}

// Characters as text, or whatever it is in Erlang's syntax.
std::string text_of(etf::bytes term) {
  std::string text;
  if (etf::cursor(term).read_text(text)) return text;
  return etf::print(term);
}

// What io_lib:format(Format, Arguments) is, given as module, function and arguments.
std::string formatted(etf::bytes module, etf::bytes function, etf::bytes arguments) {
  etf::cursor at(arguments);
  std::uint32_t count = 0;
  etf::bytes format;
  etf::bytes values;
  const bool known = etf::cursor(module).read_atom_is("io_lib") &&
                     etf::cursor(function).read_atom_is("format") && at.read_list(count) && count == 2 &&
                     at.read_term(format) && at.read_term(values);
  if (const auto text = known ? io_format(format, values, longest_line) : std::nullopt) return *text;
  return text_of(arguments);
}

answer perform(etf::bytes request) {
  etf::cursor at(request);
  std::uint32_t arity = 0;
  std::string_view what;
  if (!at.read_tuple(arity) || arity == 0 || !at.read_atom(what)) return answer::request;
  if (what == "put_chars") {
    // {put_chars, Encoding, Chars} | {put_chars, Chars} | {put_chars, Encoding, M, F, Args}
    std::vector<etf::bytes> rest(arity - 1);
    for (auto& part : rest) at.read_term(part);
    if (arity == 2) log_text(text_of(rest[0]));
    if (arity == 3) log_text(text_of(rest[1]));
    if (arity == 5) log_text(formatted(rest[1], rest[2], rest[3]));
    return arity == 2 || arity == 3 || arity == 5 ? answer::ok : answer::request;
  }
  if (what == "requests" && arity == 2) {
    std::uint32_t count = 0;
    auto last = answer::ok;
    if (!at.read_list(count)) return answer::request;
    etf::bytes one;
    for (std::uint32_t i = 0; i < count && last == answer::ok && at.read_term(one); ++i) last = perform(one);
    return last;
  }
  const bool reads = what.starts_with("get_");
  return reads ? answer::eof : what == "setopts" ? answer::ok : answer::request;
}

} // namespace

runtime::outcome user::handle_info(runtime::process& self, const runtime::message& m) {
  etf::cursor at(m.bytes());
  etf::bytes tag;
  etf::bytes request;
  if (!at.read_tuple_of(4) || !at.read_atom_is("io_request")) return runtime::carry_on();
  const auto asker = runtime::read_pid(at, self.host().nodes());
  if (!asker || !at.read_term(tag) || !at.read_term(request)) return runtime::carry_on();
  const auto done = perform(request);
  runtime::message_writer out;
  out.tuple(3);
  out.atom("io_reply");
  out.raw(tag);
  if (done == answer::request) {
    out.tuple(2);
    out.atom("error");
    out.atom("request");
  } else {
    out.atom(done == answer::ok ? "ok" : "eof");
  }
  self.send_unbounded(*asker, out.take());
  return runtime::carry_on();
}

} // namespace coppice::services
