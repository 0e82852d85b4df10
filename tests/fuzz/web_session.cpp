// SPDX-License-Identifier: MIT
// A web server's connection without its socket, clock and processes: a client sends bytes in any pieces;
// handlers answer, read and give up, in any order and late. One request is handled at a time and each is
// answered or abandoned once; a body comes only as far as it was asked for; the bytes sent are responses in
// the order of the requests, and a response that was broken off does not look whole. Each step of the script
// is a byte for what happens and further bytes for how.
// rooms: behaviours
#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "behaviours/web/streamed_bodies.hpp"
#include "net/http/http_session.hpp"
#include "script.hpp"

namespace {

using namespace coppice;
using fuzz::check;
using phase = net::http_session::phase;

constexpr std::array<std::string_view, 16> said = {
    "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\n",
    "3\r\nabc\r\n",
    "0\r\nTrailer: x\r\n\r\n",
    "123456789",
    "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n",
};

// A final response that the session has reported as begun.
struct response {
  int status = 0;
  std::uint64_t number = 0; // of the request; 0: a response of the session itself
  bool head_only = false;
  bool whole = true;
  bool cut = false; // it will not become whole
};

class connection final : net::http_session::events, behaviours::streamed_bodies::connection {
 public:
  explicit connection(std::span<const std::uint8_t> script) : script_(script) {}

  void go() {
    while (!script_.ended()) happen(script_.byte());
    session_.gone();
    check(!open_ && session_.now() >= phase::closing);
    check(!session_.step() && !session_.answer(number_, {}) && !session_.grant(number_, 1));
    check_sent();
  }

 private:
  void happen(std::uint8_t what) {
    const phase before = session_.now();
    const std::size_t sent = sent_.size();
    act(what);
    if (before >= phase::closing) check(session_.now() == before && sent_.size() == sent);
    if (session_.now() == phase::waiting) check(!open_);
    if (session_.now() == phase::answering || session_.now() == phase::held) check(open_.has_value());
  }

  void act(std::uint8_t what) {
    // Mostly the current request, else one that is over or never existed.
    const std::uint64_t number = what < 200 ? number_ : script_.byte();
    const bool is_open = open_ && number == number_;
    switch (what % 16) {
      case 0: {
        const std::string_view one = said[script_.byte() % said.size()];
        return session_.feed(one.substr(0, what < 128 ? one.size() : script_.byte()));
      }
      case 1: {
        const char one = static_cast<char>(script_.byte());
        return session_.feed({&one, 1});
      }
      case 2:
      case 3:
        static_cast<void>(session_.step());
        return;
      case 4:
        return answer(number, is_open);
      case 5:
        return begin(number, is_open);
      case 6:
        if (is_open && bodies_) return write_streamed();
        return write(number, is_open);
      case 7:
        if (!bodies_) end(number, is_open);
        return;
      case 8:
        if (bodies_) bodies_->read_on({place(), script_.byte()});
        return;
      case 9:
        full_ = false;
        if (bodies_) bodies_->drained();
        if (bodies_) bodies_->ask_on();
        return;
      case 10:
        behind_ = !behind_;
        if (bodies_ && !behind_) bodies_->caught_up();
        return;
      case 11:
        return break_off(number, is_open);
      case 12:
        return upgrade(number, is_open);
      case 13:
        return what < 64 ? session_.end_of_input() : session_.take_no_more();
      case 14:
        if (what >= 100) session_.time_out();
        return;
      default:
        if (what >= 200) session_.gone();
    }
  }

  static behaviours::stream_place place() { return {{0, 1, 9, 0}, runtime::message::atom("tag")}; }
  net::http_response head(std::uint64_t number) {
    constexpr int statuses[] = {200, 204, 304, 404, 500};
    net::http_response out;
    out.status = statuses[script_.byte() % std::size(statuses)];
    out.headers = {{"X-Number", std::to_string(number)}, {"X-Split", "a\r\nX-Number: 0"}};
    return out;
  }

  void answer(std::uint64_t number, bool is_open) {
    net::http_response one = head(number);
    one.body = std::string(script_.byte(), 'x');
    const bool owed = is_open && !begun_;
    check(session_.answer(number, one) == owed);
    if (owed) over();
  }
  void begin(std::uint64_t number, bool is_open) {
    const net::http_response first = head(number);
    std::optional<std::uint64_t> length;
    if (script_.byte() % 2 == 0) length = script_.byte();
    const bool owed = is_open && !begun_;
    check(session_.begin(number, first, length) == owed);
    if (!owed) return;
    begun_ = true;
    responses_.back().whole = false;
    if (bodies_) settle(bodies_->begin(place()));
  }
  void write(std::uint64_t number, bool is_open) {
    const std::string part(script_.byte(), 'y');
    if (session_.write(number, part)) return check(is_open && begun_);
    if (is_open && begun_) broken(); // more than announced
  }
  void end(std::uint64_t number, bool is_open) {
    if (session_.end(number)) {
      check(is_open && begun_);
      responses_.back().whole = true;
      return over();
    }
    if (is_open && begun_) broken(); // less than announced
  }
  void write_streamed() {
    const std::uint8_t size = script_.byte();
    settle(bodies_->write({std::string(std::size_t{size} * 400, 'z'), size % 8 == 7}));
  }
  void settle(behaviours::streamed_bodies::state now) {
    using state = behaviours::streamed_bodies::state;
    if (now == state::open || !open_) return;
    if (now == state::ended) {
      responses_.back().whole = true;
      return over();
    }
    bodies_->abort("failed");
    const bool was = session_.break_off(number_);
    check(was || session_.now() == phase::broken);
    broken();
  }
  void break_off(std::uint64_t number, bool is_open) {
    check(session_.break_off(number) == is_open);
    if (is_open) broken();
  }
  void broken() {
    check(session_.now() == phase::broken);
    if (begun_) responses_.back().cut = true;
    over();
  }
  void upgrade(std::uint64_t number, bool is_open) {
    const bool may = is_open && !begun_ && !has_body_ && open_->upgrades();
    const auto rest = session_.upgrade(number, {});
    check(rest.has_value() == may);
    if (may) over();
  }
  void over() {
    check(open_.has_value());
    open_.reset();
    bodies_.reset();
    begun_ = false;
    has_body_ = false;
  }

  // Callbacks of the session.
  net::http_body_plan plan_body(const net::http_request&) override {
    has_body_ = true;
    const std::uint8_t choice = script_.byte();
    streams_ = choice % 2 == 1;
    return {streams_, choice < 200 ? SIZE_MAX : std::size_t{5}, 0};
  }
  void on_request(const net::http_request& asked, std::uint64_t number) override {
    check(!open_ && number == number_ + 1 && asked.streamed == (has_body_ && streams_));
    number_ = number;
    open_ = asked;
    wanted_ = 0;
    ended_ = false;
    behaviours::streamed_bodies::connection& here = *this;
    if (asked.streamed) bodies_.emplace(behaviours::stream_id{}, true, here);
    if (!asked.streamed) check(asked.body.size() <= limits().body);
  }
  void on_body(std::uint64_t number, std::string_view part, bool last) override {
    check(open_ && open_->streamed && number == number_ && !ended_ && (last || !part.empty()));
    check(part.size() <= wanted_);
    wanted_ -= part.size();
    ended_ = last;
    bodies_->take_body(part, last);
  }
  void on_abandoned(std::uint64_t number) override {
    check(open_ && number == number_);
    if (bodies_) bodies_->abort("closed");
    if (begun_) responses_.back().cut = true;
    over();
  }
  void on_refusal(const net::http_request* asked, net::http_response&) override {
    refuses_ = true;
    refuses_head_ = asked != nullptr && asked->method == "HEAD";
  }
  void on_answered(int status) override {
    responses_.push_back(refuses_ ? response{status, 0, refuses_head_}
                                  : response{status, number_, open_->method == "HEAD"});
    refuses_ = false;
  }
  void on_bytes(std::string_view bytes) override { sent_ += bytes; }

  // Callbacks of streamed_bodies.
  void grant_body(std::size_t bytes) override {
    wanted_ += bytes;
    static_cast<void>(session_.grant(number_, bytes));
  }
  net::http_written write_answer(std::string_view part) override {
    if (!session_.write(number_, part)) return net::http_written::gone;
    full_ = full_ || part.size() > 5000;
    return full_ ? net::http_written::full : net::http_written::taken;
  }
  bool end_answer() override { return session_.end(number_); }
  void tell(const runtime::pid&, runtime::message m) override { check(static_cast<bool>(m)); }
  bool is_behind() const override { return behind_; }

  // Checks all bytes sent, response by response.
  void check_sent() const {
    std::string_view left = sent_;
    std::uint64_t last = 0;
    for (const response& one : responses_) {
      while (left.starts_with("HTTP/1.1 100 ")) left.remove_prefix(left.find("\r\n\r\n") + 4);
      const std::size_t head_end = left.find("\r\n\r\n");
      check(head_end != std::string_view::npos);
      const std::string_view head = left.substr(0, head_end + 2);
      left.remove_prefix(head_end + 4);
      check(head.starts_with("HTTP/1.1 " + std::to_string(one.status) + " "));
      check(head.find("X-Split") == std::string_view::npos);
      if (one.number != 0 && one.status != 101) {
        check(head.find("\r\nX-Number: " + std::to_string(one.number) + "\r\n") != std::string_view::npos);
        check(one.number > last);
        last = one.number;
      }
      if (one.status == 101) return;
      const bool is_last = &one == &responses_.back();
      check(is_last || one.whole);
      check_body(one, head, left, is_last);
    }
    while (left.starts_with("HTTP/1.1 100 ")) left.remove_prefix(left.find("\r\n\r\n") + 4);
    check(left.empty());
  }
  static void check_body(const response& one, std::string_view head, std::string_view& left, bool is_last) {
    if (one.head_only || !net::http_has_content(one.status)) return;
    const std::size_t at = head.find("\r\nContent-Length: ");
    if (at != std::string_view::npos) {
      std::size_t length = 0;
      std::from_chars(head.data() + at + 18, head.data() + head.size(), length);
      check(one.whole ? left.size() >= length : left.size() <= length);
      return left.remove_prefix(std::min(length, left.size()));
    }
    if (head.find("\r\nTransfer-Encoding: chunked\r\n") ==
        std::string_view::npos) { // up to the end of the connection
      check(is_last);
      return left.remove_prefix(left.size());
    }
    for (;;) {
      std::size_t size = 0;
      const auto read = std::from_chars(left.data(), left.data() + left.size(), size, 16);
      if (left.empty()) return check(!one.whole);
      check(read.ec == std::errc());
      left.remove_prefix(static_cast<std::size_t>(read.ptr - left.data()));
      check(left.size() >= size + 4 && left.starts_with("\r\n") && left.substr(size + 2, 2) == "\r\n");
      left.remove_prefix(size + 4);
      if (size == 0) return check(one.whole && !one.cut);
    }
  }

  static net::http_limits limits() {
    net::http_limits small;
    small.target = 64;
    small.head = 512;
    small.headers = 8;
    small.body = 64;
    return small;
  }

  fuzz::script script_;
  net::http_session session_{limits(), 20, *this};
  std::optional<net::http_request> open_; // the current request
  std::optional<behaviours::streamed_bodies> bodies_;
  std::uint64_t number_ = 0;
  bool begun_ = false; // its answer has begun
  bool has_body_ = false;
  bool streams_ = false;
  bool ended_ = false;   // its body has ended
  bool refuses_ = false; // the next answer is the session's own refusal
  bool refuses_head_ = false;
  std::uint64_t wanted_ = 0;
  bool full_ = false;
  bool behind_ = false;
  std::vector<response> responses_;
  std::string sent_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  connection({data, size}).go();
  return 0;
}
