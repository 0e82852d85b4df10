// SPDX-License-Identifier: MIT
// A client whose bodies stream, in the role of a web server's connection process:
//
//   web_stream client(uploads, {.method = "PUT", .path = "/file"}, true);
//   CHECK(client.wanted() == 65536);
//   client.body("some");
//   client.last("thing");
//   CHECK(client.status() == 200);
//
// Without the limits and deadlines of the server. Header-only. In the test's thread.
#pragma once

#include <coppice/testing/web.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace coppice::testing {

namespace detail {
struct streamed_map {
  static constexpr etf::form etf_form = etf::form::map;
  std::string method, path;
  std::map<std::string, std::string> params;
  std::vector<std::pair<std::string, std::string>> query, headers;
  std::variant<std::string, etf::constant<"streamed">> body;
  std::string peer, version;
  etf::any_term client, stream;
  std::uint64_t number = 1;
  std::optional<etf::atom> route;
};
} // namespace detail

/// The actor must outlive it, unless move_to() gave it the restored actor.
class web_stream {
 public:
  /// `has_body`: body() and last() send it; the body of `asked` is ignored.
  web_stream(actor& of, const web_request& asked, bool has_body = false)
      : of_(&of),
        pid_(detail::fresh_pid("caller@localhost")),
        id_(std::pair(pid_.term(), std::int64_t{1})),
        answer_(of.call_as(pid_, request(asked, has_body))) {}

  void move_to(actor& next) {
    of_ = &next;
    seen_ = 0;
  }

  /// How many bytes the actor has asked for and not received.
  std::uint64_t wanted() {
    look();
    return wanted_;
  }
  void body(std::string_view part) {
    if (part.size() > wanted()) throw failure("the actor has not asked for so much of the body");
    wanted_ -= part.size();
    tell(reader_, "http_body", std::pair(etf::atom{"data"}, part));
  }
  void last(std::string_view part = {}) {
    if (!(look(), reader_)) throw failure("the actor has not asked for the body");
    tell(reader_, "http_body", std::pair(etf::atom{"last"}, part));
  }

  /// Whether the actor has answered, with a body or the beginning of one; it may do so later.
  bool answered() const { return !is_aborted_ && static_cast<bool>(answer_); }
  bool begun() const { return answered() && static_cast<bool>(writer()); }
  /// The whole answer, if it does not stream.
  web_answer whole() const { return web_answer(answer_); }
  int status() const {
    const int status = detail::status_of(answer_);
    if (status == 0) throw failure("the answer has no status");
    return status;
  }
  /// The part of a streamed answer that came since the last call.
  std::string heard() {
    look();
    return std::exchange(heard_, {});
  }
  /// Whether the last part has come.
  bool ended() {
    look();
    return ended_;
  }
  /// The client takes `bytes` more.
  void more(std::uint64_t bytes) { tell(writer(), "http_answer", std::pair(etf::atom{"more"}, bytes)); }
  /// The client has gone, with the server's reason: closed, slow, timeout, too_large, malformed, stopping.
  void aborted(std::string_view reason = "closed") {
    look();
    const value known_as = reader_ ? reader_ : begun() ? writer() : watcher_;
    is_aborted_ = !answered();
    if (known_as) tell(known_as, "http_aborted", etf::atom{reason});
  }

 private:
  value request(const web_request& asked, bool has_body) const {
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

  /// The tag of the process that writes the answer. None: it has not begun.
  value writer() const {
    if (!answered()) return {};
    etf::cursor at(answer_.reply().bytes());
    std::uint32_t parts = 0;
    etf::bytes tag;
    if (!at.read_tuple_of(3) || !at.skip() || !at.skip() || !at.read_tuple(parts) ||
        !at.read_atom_is("stream") || !at.read_tuple_of(2) || !at.skip() || !at.read_term(tag))
      return {};
    return value::of(tag);
  }

  void look() {
    for (; seen_ < of_->did.sent.size(); ++seen_) {
      const auto& one = of_->did.sent[seen_];
      if (value watches = detail::watched_as(one, pid_))
        watcher_ = std::move(watches);
      else if (one.to == pid_)
        read(one.term);
    }
  }
  void read(const value& order) {
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
  template <class What>
  void tell(const value& tag, const char* about, const What& what) {
    of_->send(value(std::tuple(etf::atom{about}, tag.term(), what)));
  }

  actor* of_;
  value pid_;
  value id_;
  answer answer_;
  value reader_{};  // tag of the process that reads the body
  value watcher_{}; // tag of the process that watches the request
  std::uint64_t wanted_ = 0;
  std::string heard_{};
  bool ended_ = false;
  bool is_aborted_ = false;
  std::size_t seen_ = 0;
};

} // namespace coppice::testing
