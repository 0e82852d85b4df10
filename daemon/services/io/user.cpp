// SPDX-License-Identifier: MIT
// The output half of Erlang's I/O protocol (stdlib user's guide): {io_request, From, ReplyAs, Request} is
// answered {io_reply, ReplyAs, Result}. The only known request by module and function is io_lib:format/2,
// which nodes send; if it cannot be formatted, format and arguments are printed. Nested requests are handled
// with a stack, without recursion, and only the part of a text that is shown is read. In the process's own
// turn.
#include "services/io/user.hpp"

#include <algorithm>
#include <array>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/log.hpp"
#include "runtime/on_behalf.hpp"
#include "runtime/system.hpp"
#include "services/answers/long_terms.hpp"
#include "services/io/io_format.hpp"

namespace coppice::services {

enum class user::answer { ok, eof, request, system_limit };

namespace {

using answer = user::answer;

constexpr std::size_t longest_line = 4096;
constexpr std::size_t deepest = 8;             // nested requests
constexpr std::size_t longest_tag = 16 * 1024; // bytes; OTP has references

void log_text(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.size() > longest_line) text = text.substr(0, longest_line) + "…";
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') c = '?';
  }
  if (!text.empty()) base::log::info("user", "{}", text);
}

// Characters as text, any other term in Erlang's syntax; only the beginning.
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

// The text of io_lib:format(Format, Arguments), given as module, function and arguments.
std::string formatted(etf::bytes module, etf::bytes function, etf::bytes arguments, portions& parts) {
  etf::cursor at(arguments);
  std::uint32_t count = 0;
  etf::bytes format;
  etf::bytes values;
  const bool known = etf::cursor(module).read_atom_is("io_lib") &&
                     etf::cursor(function).read_atom_is("format") && at.read_list(count) && count == 2 &&
                     read_long_term(at, format, parts) && read_long_term(at, values, parts);
  if (const auto text = known ? io_format(format, values, longest_line, parts) : std::nullopt) return *text;
  return text_of(arguments);
}

answer perform_one(etf::bytes request, portions& parts) {
  etf::cursor at(request);
  std::uint32_t arity = 0;
  std::string_view what;
  if (!at.read_tuple(arity) || arity == 0 || !at.read_atom(what)) return answer::request;
  if (what == "put_chars") {
    // {put_chars, Encoding, Chars} | {put_chars, Chars} | {put_chars, Encoding, M, F, Args}
    if (arity != 2 && arity != 3 && arity != 5) return answer::request;
    std::array<etf::bytes, 4> rest;
    for (std::uint32_t i = 0; i + 1 < arity; ++i) read_long_term(at, rest[i], parts);
    if (arity == 2) log_text(text_of(rest[0]));
    if (arity == 3) log_text(text_of(rest[1]));
    if (arity == 5) log_text(formatted(rest[1], rest[2], rest[3], parts));
    return answer::ok;
  }
  const bool reads = what.starts_with("get_");
  return reads ? answer::eof : what == "setopts" ? answer::ok : answer::request;
}

// A list of requests that is being carried out.
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

constexpr std::string_view go_on = "$go_on"; // a notice that `user` sends to itself

} // namespace

// A message's request, which may be a list of requests: they are carried out in order, up to the first that
// fails.
struct user::job {
  // Carries out up to `most` requests and subtracts them from `most`. Empty: there are more. May yield.
  std::optional<answer> run(std::size_t& most, portions& parts) {
    for (; most > 0; --most) {
      if (auto more = read_batch(next)) {
        if (open.size() == deepest) return answer::request; // each outer level reads the inner ones
        open.push_back(*more);
      } else if (const answer last = perform_one(next, parts); last != answer::ok) {
        return last;
      }
      while (!open.empty() && open.back().left == 0) open.pop_back();
      if (open.empty()) return answer::ok;
      --open.back().left;
      if (!read_long_term(open.back().at, next, parts)) return answer::request;
    }
    return std::nullopt;
  }

  runtime::message whole; // the views point into it
  runtime::pid asker;     // on the node that the message came from
  etf::bytes tag;
  etf::bytes next;
  std::vector<batch> open{};
};

user::user() : native_server("user") {}
user::~user() = default;

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
  if (self.origin().notice) {
    if (at.read_atom_is(go_on)) work(self);
    return runtime::carry_on();
  }
  etf::bytes tag;
  etf::bytes request;
  if (!at.read_tuple_of(4) || !at.read_atom_is("io_request")) return runtime::carry_on();
  const auto named = runtime::read_pid(at, self.host().nodes());
  const auto asker = named ? runtime::on_behalf::of(self, *named) : std::nullopt;
  portions parts(self);
  // An answer has the tag, and is made in one turn.
  if (!asker || !read_long_term(at, tag, parts) || tag.size() > longest_tag) return runtime::carry_on();
  request = at.rest();
  job fresh{m, asker->asker(), tag, request};
  if (!has_room_for(self, fresh)) {
    reply(self, fresh, answer::system_limit);
    return runtime::carry_on();
  }
  jobs_.push_back(std::move(fresh));
  if (jobs_.size() == 1) work(self);
  return runtime::carry_on();
}

bool user::has_room_for(const runtime::process& self, const job& fresh) const {
  if (jobs_.size() >= most_waiting) return false;
  if (fresh.asker.node == self.self().node) return true;
  return std::ranges::count(jobs_, fresh.asker.node, [](const job& one) { return one.asker.node; }) <
         most_of_a_node;
}

void user::reply(runtime::process& self, const job& to, answer said) {
  runtime::message_writer out;
  out.tuple(3);
  out.atom("io_reply");
  out.raw(to.tag);
  if (said == answer::ok || said == answer::eof) {
    out.atom(said == answer::ok ? "ok" : "eof");
  } else {
    out.tuple(2);
    out.atom("error");
    out.atom(said == answer::request ? "request" : "system_limit");
  }
  runtime::on_behalf(self, to.asker).answer(out.take());
}

void user::work(runtime::process& self) {
  portions parts(self);
  std::size_t left = requests_a_turn;
  while (!jobs_.empty()) {
    job& now = jobs_.front();
    const auto done = now.run(left, parts);
    if (!done) return self.notify(self.self(), runtime::message::atom(go_on));
    reply(self, now, *done);
    jobs_.pop_front();
  }
}

} // namespace coppice::services
