// SPDX-License-Identifier: MIT
// A client whose bodies stream. In the test's thread.
#include <coppice/testing/web_stream.hpp>

#include <optional>
#include <utility>

namespace coppice::testing {

web_stream::web_stream(actor& of, const web_request& asked, bool has_body)
    : of_(&of),
      pid_(detail::fresh_pid("caller@localhost")),
      id_(std::pair(pid_.term(), std::int64_t{1})),
      answer_(of.call_as(pid_, request(asked, has_body))) {}

void web_stream::move_to(actor& next) {
  of_ = &next;
  seen_ = 0;
}

std::uint64_t web_stream::wanted() {
  look();
  return wanted_;
}

void web_stream::body(std::string_view part) {
  if (part.size() > wanted()) throw failure("the actor has not asked for so much of the body");
  wanted_ -= part.size();
  tell(reader_, "http_body", std::pair(etf::atom{"data"}, part));
}

void web_stream::last(std::string_view part) {
  if (!(look(), reader_)) throw failure("the actor has not asked for the body");
  tell(reader_, "http_body", std::pair(etf::atom{"last"}, part));
}

int web_stream::status() const {
  const int status = detail::status_of(answer_);
  if (status == 0) throw failure("the answer has no status");
  return status;
}

std::string web_stream::heard() {
  look();
  return std::exchange(heard_, {});
}

bool web_stream::ended() {
  look();
  return ended_;
}

void web_stream::aborted(std::string_view reason) {
  look();
  const value known_as = reader_ ? reader_ : begun() ? writer() : watcher_;
  is_aborted_ = !answered();
  if (known_as) tell(known_as, "http_aborted", etf::atom{reason});
}

value web_stream::request(const web_request& asked, bool has_body) const {
  detail::streamed_map map{asked.method,
                           asked.path,
                           asked.parameters,
                           asked.query,
                           asked.headers,
                           std::string(),
                           asked.peer,
                           asked.version,
                           pid_.term(),
                           id_.term(),
                           1,
                           asked.route.empty() ? std::nullopt : std::optional(etf::atom{asked.route})};
  if (has_body) map.body = etf::constant<"streamed">{};
  return std::pair(etf::atom{"http"}, map);
}

value web_stream::writer() const {
  if (!answered()) return {};
  etf::cursor at(answer_.reply().bytes());
  std::uint32_t parts = 0;
  etf::bytes tag;
  if (!at.read_tuple_of(3) || !at.skip() || !at.skip() || !at.read_tuple(parts) ||
      !at.read_atom_is("stream") || !at.read_tuple_of(2) || !at.skip() || !at.read_term(tag))
    return {};
  return value::of(tag);
}

void web_stream::look() {
  for (; seen_ < of_->did.sent.size(); ++seen_) {
    const auto& one = of_->did.sent[seen_];
    if (value watches = detail::watched_as(one, pid_))
      watcher_ = std::move(watches);
    else if (one.to == pid_)
      read(one.term);
  }
}

void web_stream::read(const value& order) {
  etf::cursor at(order.bytes());
  std::string_view what;
  std::string_view kind;
  std::uint32_t parts = 0;
  etf::bytes id;
  if (!at.read_tuple_of(3) || !at.read_atom(what) || !at.read_term(id) || value::of(id) != id_ ||
      !at.read_tuple(parts) || !at.read_atom(kind))
    throw failure("the actor has sent to its client what is nothing for a body that streams");
  etf::bytes given;
  std::uint64_t bytes = 0;
  if (what == "http_body" && at.read_tuple_of(2) && at.skip() && at.read_term(given) &&
      at.read_unsigned(bytes)) {
    reader_ = value::of(given);
    wanted_ += bytes;
  } else if (what == "http_answer" && at.read_binary(given)) {
    if (ended_) throw failure("the actor has sent more of an answer that it had ended");
    heard_.append(reinterpret_cast<const char*>(given.data()), given.size());
    ended_ = kind == "last";
  }
}

} // namespace coppice::testing
