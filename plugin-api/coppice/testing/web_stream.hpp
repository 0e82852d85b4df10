// SPDX-License-Identifier: MIT
// A client whose bodies stream, in the role of a web server's connection process:
//
//   web_stream client(uploads, {.method = "PUT", .path = "/file"}, true);
//   CHECK(client.wanted() == 65536);
//   client.body("some");
//   client.last("thing");
//   CHECK(client.status() == 200);
//
// Without the limits and deadlines of the server. In the test's thread.
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
  web_stream(actor& of, const web_request& asked, bool has_body = false);

  void move_to(actor& next);

  /// How many bytes the actor has asked for and not received.
  std::uint64_t wanted();
  void body(std::string_view part);
  void last(std::string_view part = {});

  /// Whether the actor has answered, with a body or the beginning of one; it may do so later.
  bool answered() const { return !is_aborted_ && static_cast<bool>(answer_); }
  bool begun() const { return answered() && static_cast<bool>(writer()); }
  /// The whole answer, if it does not stream.
  web_answer whole() const { return web_answer(answer_); }
  int status() const;
  /// The part of a streamed answer that came since the last call.
  std::string heard();
  /// Whether the last part has come.
  bool ended();
  /// The client takes `bytes` more.
  void more(std::uint64_t bytes) { tell(writer(), "http_answer", std::pair(etf::atom{"more"}, bytes)); }
  /// The client has gone, with the server's reason: closed, slow, timeout, too_large, malformed, stopping. Or
  /// answered: the answer was complete before the request's body.
  void aborted(std::string_view reason = "closed");

 private:
  value request(const web_request& asked, bool has_body) const;

  /// The tag of the process that writes the answer. None: it has not begun.
  value writer() const;

  void look();
  void read(const value& order);
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
