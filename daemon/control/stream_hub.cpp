// SPDX-License-Identifier: MIT
// See stream_hub.hpp. A write may end a reader's connection, which calls left() in the middle of a walk:
// readers that have left are removed when the walk is over.
#include "control/stream_hub.hpp"

#include <algorithm>
#include <utility>

#include "base/border.hpp"
#include "base/json_text.hpp"
#include "base/log_counted.hpp"
#include "control/api_documents.hpp"

namespace coppice::control {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, topics> names{"status", "tree", "nodes", "log"};
constexpr std::size_t most_of_event = std::size_t{16} << 20; // bytes
constexpr unsigned most_silence = 15;                        // ticks

bool wants(const std::vector<topic>& all, topic one) {
  return std::ranges::find(all, one) != all.end();
}

std::string whole(const json& document) {
  return "{\"whole\":" + base::json_text(document) + "}";
}

// In place of a document that is too large for an event.
std::string too_large(topic which) {
  const std::string name(text(which));
  const api::failure why{base::errc::limit, name,
                         "the document is larger than " + std::to_string(most_of_event >> 20) +
                             " MiB, and is not sent until it is smaller",
                         "/api/v1/" + name + " answers it whole"};
  return "{\"failed\":" + base::json_text(error_document(why)) + "}";
}

} // namespace

std::string_view text(topic which) {
  return names[static_cast<std::size_t>(which)];
}

std::optional<topic> find_topic(std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<topic>(found - names.begin());
}

stream_hub::stream_hub(uv_loop_t* loop, net::http_server*& of, stream_sources from, std::size_t most,
                       std::chrono::milliseconds every)
    : server_(of), from_(std::move(from)), most_(most), every_(every), timer_(loop, [this] {
        base::contained("the stream of the node's page", [this] { tick(); });
      }) {}

std::string stream_hub::change(const json& before, const json& now) {
  const json patch = json::diff(before, now);
  if (patch.empty()) return {};
  std::string changes = "{\"patch\":" + base::json_text(patch) + "}";
  std::string all = whole(now);
  return all.size() < changes.size() ? std::move(all) : std::move(changes);
}

std::uint64_t stream_hub::ticks_of_rest(base::nanos took, base::nanos every) {
  constexpr base::nanos share = 100;
  return static_cast<std::uint64_t>(std::max<base::nanos>(took * share - 1, 0) / every);
}

void stream_hub::open(net::http_exchange to, std::vector<topic> wanted, bool terms) {
  net::http_response head{200, "text/event-stream"};
  head.headers = {
      {"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}, {"X-Accel-Buffering", "no"}};
  if (!server_->begin(to, head)) return;
  if (readers_.empty()) timer_.start(every_, every_);
  // Sends the other readers the lines that they have not got yet: the new reader's first lines end where
  // theirs do.
  if (wants(wanted, topic::log)) send_lines();
  reader& made =
      readers_.emplace(key{to.connection, to.number}, reader{to, std::move(wanted), terms}).first->second;
  for (const topic one : made.wanted) {
    if (one == topic::log) {
      send(made, one, newest_lines());
      continue;
    }
    form& its = of(one).of(terms);
    if (its.readers++ == 0) its.now = make(one, terms);
    send(made, one, whole(its.now));
  }
  sweep();
}

void stream_hub::left(net::http_exchange from) {
  const auto found = readers_.find({from.connection, from.number});
  if (found == readers_.end()) return;
  if (found->second.is_slow) {
    ++dropped_;
    base::log::counted(base::log::level::warning, "control", "http-stream",
                       "a reader of the node's page does not take its bytes: dropped");
  }
  gone_.push_back(found->first);
  timer_.start(std::chrono::milliseconds(0), every_);
}

void stream_hub::sweep() {
  for (const key& one : std::exchange(gone_, {})) {
    const auto found = readers_.find(one);
    if (found == readers_.end()) continue;
    for (const topic each : found->second.wanted) {
      if (each == topic::log) continue;
      form& its = of(each).of(found->second.terms);
      if (--its.readers == 0) its.now = {};
    }
    readers_.erase(found);
  }
  if (readers_.empty()) timer_.stop();
  const bool any_of_log =
      std::ranges::any_of(readers_, [](const auto& one) { return wants(one.second.wanted, topic::log); });
  if (!any_of_log) next_line_ = 0;
}

void stream_hub::tick() {
  sweep();
  for (const topic one : {topic::status, topic::tree, topic::nodes}) send_changes(one);
  send_lines();
  for (auto& [number, one] : readers_)
    if (!one.is_slow && ++one.silent > most_silence) write(one, ": alive\n\n");
  sweep();
}

json stream_hub::make(topic which, bool terms) const {
  json made = from_.document(which);
  if (!terms) from_.leave_out_terms(which, made);
  return made;
}

// The document is made once, whichever forms of it have readers.
void stream_hub::send_changes(topic which) {
  shown& its = of(which);
  if (!its.has_readers()) return;
  if (its.rest > 0) {
    --its.rest;
    return;
  }
  const base::nanos began = from_.now();
  json now = from_.document(which);
  if (its.of(false).readers > 0) {
    json without = its.of(true).readers > 0 ? now : std::move(now);
    from_.leave_out_terms(which, without);
    send_change(which, false, std::move(without));
  }
  if (its.of(true).readers > 0) send_change(which, true, std::move(now));
  its.rest = ticks_of_rest(from_.now() - began, std::chrono::nanoseconds(every_).count());
}

void stream_hub::send_change(topic which, bool terms, json now) {
  form& its = of(which).of(terms);
  const std::string changes = change(its.now, now);
  its.now = std::move(now);
  std::string all; // made for the first reader that needs it
  for (auto& [number, one] : readers_) {
    if (one.terms != terms || !wants(one.wanted, which)) continue;
    bool& is_stale = one.is_stale[static_cast<std::size_t>(which)];
    if (one.is_slow) {
      is_stale = is_stale || !changes.empty();
      continue;
    }
    if (std::exchange(is_stale, false)) {
      if (all.empty()) all = whole(its.now);
      send(one, which, all); // sets is_stale again if the document is too large
    } else if (!changes.empty()) {
      send(one, which, changes);
    }
  }
}

void stream_hub::send_lines() {
  if (next_line_ == 0) return;
  const auto page = from_.lines(next_line_);
  next_line_ = page.next;
  if (page.lines.empty() && page.missed == 0) return;
  json lines = json::array();
  for (const auto& one : page.lines) lines.push_back(from_.line_json(one));
  const json all{{"lines", std::move(lines)}, {"missed", page.missed}};
  const std::string usual = whole(all);
  for (auto& [number, one] : readers_) {
    if (!wants(one.wanted, topic::log)) continue;
    if (one.is_slow) {
      one.missed += page.missed + page.lines.size();
      continue;
    }
    if (one.missed == 0) {
      send(one, topic::log, usual);
      continue;
    }
    json its = all;
    its["missed"] = page.missed + std::exchange(one.missed, 0);
    send(one, topic::log, whole(its));
  }
}

std::string stream_hub::newest_lines() {
  const auto page = from_.lines(0);
  if (next_line_ == 0) next_line_ = page.next;
  json lines = json::array();
  for (const auto& one : page.lines)
    if (one.number < next_line_) lines.push_back(from_.line_json(one));
  return whole({{"lines", std::move(lines)}, {"missed", 0}});
}

void stream_hub::send(reader& to, topic which, const std::string& data) {
  const bool fits = data.size() <= most_of_event;
  bool& is_told = to.is_told[static_cast<std::size_t>(which)];
  to.is_stale[static_cast<std::size_t>(which)] = !fits;
  if (!fits && is_told) return;
  is_told = !fits;
  std::string event = "event: ";
  event.append(text(which)).append("\ndata: ").append(fits ? data : too_large(which)).append("\n\n");
  write(to, event);
}

void stream_hub::write(reader& to, const std::string& text) {
  to.silent = 0;
  if (server_->write(to.to, text) == net::http_written::full) to.is_slow = true;
}

void stream_hub::writable(net::http_exchange to) {
  if (const auto found = readers_.find({to.connection, to.number}); found != readers_.end())
    found->second.is_slow = false;
}

void stream_hub::end() {
  has_ended_ = true;
  for (const auto& [number, one] : std::exchange(readers_, {})) server_->end(one.to);
  timer_.close();
}

} // namespace coppice::control
