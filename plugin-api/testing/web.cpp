// SPDX-License-Identifier: MIT
// Requests to a web actor under test, and its responses. In the test's thread.
#include <coppice/testing/web.hpp>

#include <optional>
#include <tuple>
#include <utility>
#include <variant>

namespace coppice::testing {

web_answer::web_answer(answer of, value watched_as)
    : of_(std::move(of)), watched_as_(std::move(watched_as)) {}

std::optional<std::string> web_answer::header(std::string_view name) const {
  const parts all = whole();
  for (const auto& [key, text] : std::get<1>(all))
    if (key == name) return text;
  return std::nullopt;
}

void web_answer::aborted(actor& by, std::string_view reason) {
  if (of_ || std::exchange(is_aborted_, true) || !watched_as_) return;
  by.send(value(std::tuple(etf::atom{"http_aborted"}, watched_as_.term(), etf::atom{reason})));
}

web_answer::parts web_answer::whole() const {
  const auto read = of_.as<std::variant<parts, brief>>();
  if (const auto* const all = std::get_if<parts>(&read)) return *all;
  const brief& two = std::get<brief>(read);
  return {std::get<0>(two), {}, std::get<1>(two)};
}

namespace detail {

value web_call(const char* tag, const web_request& asked, const value& client) {
  const asked_map map{asked.method,
                      asked.path,
                      asked.parameters,
                      asked.query,
                      asked.headers,
                      asked.body,
                      asked.peer,
                      asked.version,
                      client.term(),
                      1,
                      asked.route.empty() ? std::nullopt : std::optional(etf::atom{asked.route})};
  return std::pair(etf::atom{tag}, map);
}

int status_of(const answer& reply) {
  etf::cursor at(reply.reply().bytes());
  std::uint32_t arity = 0;
  std::uint64_t status = 0;
  return at.read_tuple(arity) && at.read_unsigned(status) ? static_cast<int>(status) : 0;
}

value watched_as(const sent_message& one, const value& client) {
  etf::cursor at(one.term.bytes());
  etf::bytes tag;
  const bool watches = one.to == client && at.read_tuple_of(3) && at.read_atom_is("http_watch") &&
                       at.skip() && at.read_tuple_of(2) && at.skip() && at.read_term(tag);
  return watches ? value::of(tag) : value();
}

} // namespace detail
web_answer ask(actor& of, const web_request& asked) {
  const value client = detail::fresh_pid("caller@localhost");
  const std::size_t before = of.did.sent.size();
  answer reply = of.call_as(client, detail::web_call("http", asked, client));
  value watched_as;
  for (std::size_t i = before; i < of.did.sent.size(); ++i)
    if (value found = detail::watched_as(of.did.sent[i], client)) watched_as = std::move(found);
  return web_answer(std::move(reply), std::move(watched_as));
}

web_socket::web_socket(actor& of, const web_request& asked)
    : of_(&of),
      pid_(detail::fresh_pid("caller@localhost")),
      answer_(of.call_as(pid_, detail::web_call("http_websocket", asked, pid_))) {}

void web_socket::move_to(actor& next) {
  of_ = &next;
  seen_ = 0;
}

std::string web_socket::protocol() const {
  etf::cursor at(answer_.reply().bytes());
  etf::bytes name;
  if (!at.read_tuple_of(3) || !at.read_atom_is("accept") || !at.skip() || !at.read_binary(name)) return {};
  return {reinterpret_cast<const char*>(name.data()), name.size()};
}

void web_socket::closed(std::uint16_t code, std::string_view reason) {
  tell(std::tuple(etf::atom{"closed"}, static_cast<std::int64_t>(code), reason));
}

std::vector<web_said> web_socket::heard() {
  std::vector<web_said> out;
  for (; seen_ < of_->did.sent.size(); ++seen_) {
    const auto& one = of_->did.sent[seen_];
    if (one.to == pid_) out.push_back(read(one.term));
  }
  return out;
}

web_said web_socket::read(const value& term) {
  etf::cursor at(term.bytes());
  std::uint32_t arity = 0;
  std::string_view kind;
  std::uint64_t code = 0;
  etf::bytes data;
  if (!at.read_tuple_of(2) || !at.read_atom_is("websocket") || !at.read_tuple(arity) || !at.read_atom(kind))
    throw failure("the actor has sent to its client what is nothing for a WebSocket");
  web_said out{std::string(kind), "", 0};
  if (at.read_unsigned(code)) out.code = static_cast<std::uint16_t>(code);
  if (at.read_binary(data)) out.data.assign(reinterpret_cast<const char*>(data.data()), data.size());
  return out;
}

} // namespace coppice::testing
