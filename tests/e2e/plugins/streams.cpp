// SPDX-License-Identifier: MIT
// streams: streamed bodies, as the path says. PUT /put/WHAT: count answers the number of bytes and their sum;
// slow does the same at 5 ms a part; echo sends them back, and reads as its client takes them; refuse answers
// 403 without reading; die reads 1 KiB and throws; never asks for no bytes; stop reads 1 KiB and no more;
// early answers 202 after 1 KiB, and so does kept, which counts as open until it is told; late answers, in
// two ways, when it is told that it is too late. GET /get/WHAT: short announces 10 bytes and writes 5; exact
// and long announce 10 and write 10 and 11; die writes some and throws when it may go on; flood writes
// without credit; hold begins, writes "x" and then nothing; none is 204; endless writes as long as it may;
// fast writes before it begins; wait is never answered. Call `open` -> number of unfinished requests,
// `aborted` -> the reasons that it was told.
#include <coppice/web.hpp>

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace streams {

namespace etf = coppice::etf;

class streams_server : public coppice::web {
 public:
  using calls = std::variant<etf::constant<"open">, etf::constant<"aborted">>;

  coppice::reply handle_request(const coppice::request& asked) {
    const std::string what(asked.parameter("what"));
    if (what == "refuse") return coppice::response(403, "text/plain", "no");
    open_.push_back({coppice::owned_term(asked.id()), what});
    if (asked.path().find("/get/") != std::string_view::npos)
      write(open_.back());
    else if (!asked.streams())
      over(asked.id(), coppice::response(411, "text/plain", "no body"));
    else
      read(open_.back());
    return coppice::later;
  }

  std::size_t handle_body(coppice::term id, std::string_view part, bool last) {
    transfer* const it = find(id);
    if (it == nullptr) return 0;
    it->bytes += part.size();
    for (const char c : part) it->sum += static_cast<unsigned char>(c);
    if (it->what == "die") throw std::runtime_error("a handler that fails");
    if (it->what == "early") over(id, coppice::response(202, "text/plain", "enough"));
    if (it->what == "kept") respond(id, coppice::response(202, "text/plain", "enough"));
    if (it->what == "slow") sleep(std::chrono::milliseconds(5));
    if (it->what == "count" || it->what == "slow") {
      if (last)
        over(id,
             coppice::response(200, "text/plain", std::to_string(it->bytes) + " " + std::to_string(it->sum)));
      return part.size();
    }
    if (it->what != "echo") return 0;
    if (last) {
      end_response(id, part);
      forget(id);
      return 0;
    }
    send_part(id, part);
    const std::size_t now = std::min<std::size_t>(it->leave, part.size());
    it->leave -= now;
    it->owed += part.size() - now;
    return now;
  }

  void handle_writable(coppice::term id, std::size_t bytes) {
    transfer* const it = find(id);
    if (it == nullptr) return;
    if (it->what == "die") throw std::runtime_error("a handler that fails");
    if (it->what == "endless") send_part(id, std::string(bytes, 'x'));
    if (it->what != "echo") return;
    it->leave += bytes;
    const std::size_t now = std::min(it->leave, it->owed);
    it->leave -= now;
    it->owed -= now;
    if (now != 0) read_more(id, now);
  }

  void handle_aborted(coppice::term id, std::string_view reason) {
    const transfer* const it = find(id);
    if (it == nullptr) return;
    if (it->what == "late") {
      end_response(id, "too late");
      respond(id, coppice::response(200, "text/plain", "too late"));
    }
    forget(id);
    aborted_.emplace_back(reason);
  }

  std::int64_t handle_call(const etf::constant<"open">&) const {
    return static_cast<std::int64_t>(open_.size());
  }
  std::vector<std::string> handle_call(const etf::constant<"aborted">&) const { return aborted_; }

 private:
  struct transfer {
    coppice::owned_term id;
    std::string what;
    std::size_t bytes = 0, sum = 0;
    std::size_t leave = 0, owed = 0; // bytes it may write; bytes to read once it may write
  };
  static constexpr std::size_t window = 64 << 10;

  transfer* find(coppice::term id) {
    const auto it = std::ranges::find(open_, coppice::owned_term(id), &transfer::id);
    return it == open_.end() ? nullptr : &*it;
  }
  void forget(coppice::term id) {
    const coppice::owned_term gone(id);
    std::erase_if(open_, [&](const transfer& one) { return one.id == gone; });
  }
  void over(coppice::term id, const coppice::response& answer) {
    const coppice::owned_term kept(id);
    respond(kept, answer);
    forget(kept);
  }

  void read(transfer& it) {
    if (it.what == "never") return;
    if (it.what == "echo") {
      begin_response(it.id, coppice::response(200));
      it.leave = window / 2;
      read_more(it.id, window / 2);
    } else {
      read_more(it.id, it.what == "count" || it.what == "slow" ? window : 1024);
    }
  }

  void write(transfer& it) {
    if (it.what == "wait") return;
    const coppice::owned_term id = it.id;
    const std::string& what = it.what;
    if (what == "fast" && send_part(id, "before ") == COPPICE_E_INVALID)
      return over(id, coppice::response(501, "text/plain", "not here"));
    if (what == "short" || what == "exact" || what == "long")
      begin_response(id, coppice::response(200), 10);
    else
      begin_response(id, coppice::response(what == "none" ? 204 : 200).header("x-what", what));
    if (what == "die" || what == "endless") {
      send_part(id, std::string(window / 2, 'x'));
    } else if (what == "flood") {
      for (int i = 0; i < 1000; ++i) send_part(id, std::string(window, 'x'));
    } else if (what == "hold") {
      send_part(id, "x");
    } else {
      const std::string all = what == "fast" ? "after" : "0123456789a";
      end_response(id, all.substr(0, what == "short" ? 5 : what == "exact" ? 10 : 11));
      forget(id);
    }
  }

  std::vector<transfer> open_;
  std::vector<std::string> aborted_;
};

} // namespace streams

COPPICE_PLUGIN("streams", "1.0.0", streams::streams_server);
