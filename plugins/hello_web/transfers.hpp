// SPDX-License-Identifier: MIT
// Handles bodies of any length while keeping little in memory. PUT /measure counts the bytes and lines of a
// body as it arrives. GET /count/{to} writes the numbers up to `to` as fast as the client takes them. Both
// need routes with `body: streamed`. Over a reload they continue.
#pragma once

#include <coppice/web.hpp>

#include <algorithm>
#include <charconv>

namespace hello_web {

namespace etf = coppice::etf;

class transfers : public coppice::web {
 public:
  static constexpr std::string_view name = "transfers";
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  static constexpr coppice::taken takes[] = {coppice::taken::web};

  coppice::reply handle_request(const coppice::request& asked) {
    if (asked.path() == "/measure") {
      if (!asked.streams()) return coppice::response(400, "text/plain", "there is nothing to measure\n");
      uploads_.push_back({coppice::owned_term(asked.id())});
      return coppice::later; // the body arrives in handle_body
    }
    std::int64_t to = 0;
    const std::string_view text = asked.parameter("to");
    const auto read = std::from_chars(text.data(), text.data() + text.size(), to);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || to < 0)
      return coppice::response(404, "text/plain", "count to a number\n");
    begin_response(asked.id(), coppice::response(200).header("content-type", "text/plain"));
    downloads_.push_back({coppice::owned_term(asked.id()), 1, to});
    write_on(downloads_.back(), first_part);
    return coppice::later;
  }

  void handle_body(coppice::term id, std::string_view part, bool last) {
    const auto it = std::ranges::find(uploads_, coppice::owned_term(id), &upload::id);
    if (it == uploads_.end()) return;
    it->bytes += static_cast<std::int64_t>(part.size());
    it->lines += std::ranges::count(part, '\n');
    if (!last) return;
    respond(id, coppice::response(200, "application/json",
                                  "{\"bytes\":" + std::to_string(it->bytes) +
                                      ",\"lines\":" + std::to_string(it->lines) + "}"));
    uploads_.erase(it);
  }

  void handle_writable(coppice::term id, std::size_t bytes) {
    const auto it = std::ranges::find(downloads_, coppice::owned_term(id), &download::id);
    if (it != downloads_.end()) write_on(*it, bytes);
  }

  // The client has gone, or was too slow.
  void handle_aborted(coppice::term id, std::string_view) {
    const coppice::owned_term gone(id);
    std::erase_if(uploads_, [&](const upload& one) { return one.id == gone; });
    std::erase_if(downloads_, [&](const download& one) { return one.id == gone; });
  }

  struct upload {
    coppice::owned_term id;
    std::int64_t bytes = 0, lines = 0;
  };
  struct download {
    coppice::owned_term id;
    std::int64_t next = 1, to = 0;
  };
  static constexpr std::uint32_t state_version = 1;
  using state = std::tuple<std::vector<upload>, std::vector<download>>;
  state save_state() const { return {uploads_, downloads_}; }
  void restore_state(const state& saved) { std::tie(uploads_, downloads_) = saved; }

 private:
  static constexpr std::size_t first_part = 32 << 10; // half of the 64 KiB that may be sent at once

  // Writes about so many bytes.
  void write_on(download& it, std::size_t bytes) {
    std::string part;
    while (part.size() < bytes && it.next <= it.to) part += std::to_string(it.next++) + "\n";
    if (it.next <= it.to) {
      send_part(it.id, part);
      return;
    }
    end_response(it.id, part);
    const coppice::owned_term ended = it.id;
    std::erase_if(downloads_, [&](const download& one) { return one.id == ended; });
  }

  std::vector<upload> uploads_;
  std::vector<download> downloads_;
};

} // namespace hello_web
