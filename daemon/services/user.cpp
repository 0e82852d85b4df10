// SPDX-License-Identifier: MIT
// Erlang's I/O protocol (stdlib user's guide), its output half: {io_request, From, ReplyAs, Request} is
// answered {io_reply, ReplyAs, Result}. Of requests by module and function io_lib:format/2 is the one that
// nodes send; what cannot be formatted is printed as format and arguments. Requests within requests are taken
// with a stack of their own, and of what is printed no more is looked at than is shown. In the process's own
// turn.
#include "services/user.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/log.hpp"
#include "runtime/on_behalf.hpp"
#include "runtime/system.hpp"
#include "services/io_format.hpp"

namespace coppice::services {
namespace {

constexpr std::size_t longest_line = 4096;
constexpr std::size_t deepest = 8; // requests within requests

enum class answer { ok, eof, request };

void log_text(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.size() > longest_line) text = text.substr(0, longest_line) + "…";
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') c = '?';
  }
  if (!text.empty()) base::log::info("user", "{}", text);
}

// Characters as text, or whatever it is in Erlang's syntax; of both the beginning.
std::string text_of(etf::bytes term) {
  constexpr std::size_t enough = longest_line + 1;
  etf::bytes data;
  etf::cursor at(term);
  if (at.read_binary(data) || at.read_string(data))
    return std::string(base::as_text(data.first(std::min(data.size(), enough))));
  std::string text;
  const bool is_short = term.size() <= 5 * enough; // if it is a list of characters
  if (is_short && etf::cursor(term).read_text(text)) return text;
  return etf::print(term, {.most = enough});
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

answer perform_one(etf::bytes request) {
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
  const bool reads = what.starts_with("get_");
  return reads ? answer::eof : what == "setopts" ? answer::ok : answer::request;
}

// A list of requests that is under way.
struct batch {
  etf::cursor at;
  std::uint32_t left = 0;
};

// {requests, Requests}
std::optional<batch> read_batch(etf::bytes request) {
  batch made{etf::cursor(request)};
  if (!made.at.read_tuple_of(2) || !made.at.read_atom_is("requests") || !made.at.read_list(made.left))
    return std::nullopt;
  return made;
}

// In their order, up to the first that does not come to ok.
answer perform(etf::bytes request) {
  std::vector<batch> open;
  for (;;) {
    if (auto more = read_batch(request)) {
      if (open.size() == deepest) return answer::request; // each level is looked through by those above it
      open.push_back(*more);
    } else if (const answer last = perform_one(request); last != answer::ok) {
      return last;
    }
    while (!open.empty() && open.back().left == 0) open.pop_back();
    if (open.empty()) return answer::ok;
    --open.back().left;
    if (!open.back().at.read_term(request)) return answer::request;
  }
}

} // namespace

std::optional<behaviours::peer_requests> user::from_peers() const {
  using request = behaviours::peer_request;
  static constexpr request requests[] = {
      {behaviours::gen::request::kind::info, "io_request", 4, 4, request::answers | request::logs}};
  return requests;
}

runtime::outcome user::on_start(runtime::process& self) {
  self.host().set_default_group_leader(self.self());
  return runtime::carry_on();
}

runtime::outcome user::handle_info(runtime::process& self, const runtime::message& m) {
  etf::cursor at(m.bytes());
  etf::bytes tag;
  etf::bytes request;
  if (!at.read_tuple_of(4) || !at.read_atom_is("io_request")) return runtime::carry_on();
  const auto named = runtime::read_pid(at, self.host().nodes());
  const auto asker = named ? runtime::on_behalf::of(self, *named) : std::nullopt;
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
  asker->answer(out.take());
  return runtime::carry_on();
}

} // namespace coppice::services
