// SPDX-License-Identifier: MIT
// Everything but ask() happens on one thread, whose loop waits for requests, for changes in folders and for
// timers.
#include "node/reload/reloader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/border.hpp"
#include "base/log_event.hpp"
#include "base/thread.hpp"

namespace coppice::node {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view module = "reload";
constexpr std::string_view watch_kind = "reload plugins.watch";
// A file must not change for this long: writers and package managers touch a file several times.
constexpr milliseconds settling{300};
// Between looks for former generations that can be closed; doubled each time from the first to the longest.
constexpr milliseconds first_interval{20};
constexpr milliseconds longest_interval{10'000};

void tell_refused(const base::error& why) {
  base::log::tell(base::log::events::reload_refused, base::log::level::error, module, {{"reason", why.text}},
                  "{}", why.text);
}

double as_ms(base::nanos time) {
  return static_cast<double>(time) / static_cast<double>(base::nanos_per_ms);
}

} // namespace

std::string summary(const reload_report& of) {
  std::string out;
  for (const plugin_reload& one : of.plugins) {
    const auto count = [&](actor_outcome which) {
      return std::ranges::count(one.actors, which, &actor_reload::outcome);
    };
    out += fmt::format("{}{} {} generation {} -> {} generation {}: {} carried over, {} restarted, {} stay",
                       out.empty() ? "" : "; ", one.id, one.from.version, one.from.generation, one.to.version,
                       one.to.generation, count(actor_outcome::carried), count(actor_outcome::restarted),
                       count(actor_outcome::stays));
  }
  if (out.empty()) return "no plugin's file has changed";
  return fmt::format("{}; stood still {:.3f} ms (handlers {:.3f} ms, save {:.3f} ms, restore {:.3f} ms)", out,
                     as_ms(of.pause), as_ms(of.drain), as_ms(of.save), as_ms(of.restore));
}

std::string brief(const base::result<reload_report>& of) {
  if (!of) return "reload refused: " + of.error().text;
  if (of->plugins.empty()) return "reload: no plugin's file has changed";
  std::string out = "reload: ";
  for (const plugin_reload& one : of->plugins) out += (&one == of->plugins.data() ? "" : ", ") + one.id;
  return out;
}

reloader::reloader(reload_ground ground, change_line& line, bracket within)
    : ground_(std::move(ground)), line_(line), within_(std::move(within)) {}

base::result<std::unique_ptr<reloader>> reloader::start(reload_ground ground,
                                                        const std::vector<std::string>& watched,
                                                        change_line& line, bracket within) {
  std::unique_ptr<reloader> made(new reloader(std::move(ground), line, std::move(within)));
  if (auto opened = made->open(watched); !opened) return unexpected(std::move(opened.error()));
  auto thread = base::start_thread([raw = made.get()] { raw->loop_->run(); });
  if (!thread) return unexpected(std::move(thread.error()).context("reloading"));
  made->thread_ = std::move(*thread);
  return made;
}

base::status reloader::open(const std::vector<std::string>& watched) {
  auto loop = base::uv::loop::make();
  if (!loop) return unexpected(std::move(loop.error()));
  loop_.emplace(std::move(*loop));
  auto wake = base::uv::async::make(*loop_, [this] { work(); });
  if (!wake) return unexpected(std::move(wake.error()));
  wake_ = std::move(*wake);
  settled_ = base::uv::timer(*loop_, [this] { reload_watched(); });
  collect_ = base::uv::timer(*loop_, [this] { collect(); });
  for (const std::string& folder : watched) {
    auto watch =
        base::uv::folder_watch::make(*loop_, folder, [this](std::string_view name) { file_changed(name); });
    if (!watch) return unexpected(std::move(watch.error()));
    watches_.push_back(std::move(*watch));
  }
  return {};
}

void reloader::stop() {
  quit_.request_stop();
  if (thread_.joinable()) {
    wake_.send();
    thread_.join();
  }
  std::deque<job> left;
  {
    const std::lock_guard guard(lock_);
    over_ = true;
    left.swap(jobs_);
  }
  for (const job& one : left)
    if (one.done) one.done(base::fail(base::errc::closed, "the node stops"));
}

void reloader::ask(reload_request what, told done) {
  change_line::place place;
  if (!what.dry_run) {
    auto taken = line_.enter(
        {"reload", what.by, what.os_pid}, [this] { wake_.send(); }, what.kind);
    if (!taken) {
      // A file that was replaced is looked at again later.
      if (taken.error().code != base::errc::exists && what.kind != watch_kind) tell_refused(taken.error());
      return done ? done(unexpected(std::move(taken.error()))) : void();
    }
    place = std::move(*taken);
  }
  {
    const std::lock_guard guard(lock_);
    if (!over_) {
      jobs_.push_back({std::move(what), std::move(done), std::move(place)});
      return wake_.send();
    }
  }
  if (done) done(base::fail(base::errc::closed, "the node stops"));
}

// If too many changes wait, the replaced files are tried again later.
void reloader::reload_watched() {
  ask({.by = "plugins.watch", .kind = std::string(watch_kind)},
      [this](const base::result<reload_report>& of) {
        if (!of && of.error().code == base::errc::limit) settled_.start(settling);
      });
}

// The next dry run, or the next reload whose turn has come. Empty: none.
std::optional<reloader::job> reloader::next() {
  const std::lock_guard guard(lock_);
  const auto may = [](const job& one) { return one.what.dry_run || one.place.has_turn(); };
  const auto found = std::ranges::find_if(jobs_, may);
  if (found == jobs_.end()) return std::nullopt;
  job out = std::move(*found);
  jobs_.erase(found);
  return out;
}

void reloader::work() {
  while (!quit_.stop_requested()) {
    auto one = next();
    if (!one) return;
    run(std::move(*one));
  }
  loop_->stop();
}

void reloader::run(job one) {
  base::result<reload_report> report =
      base::fail(base::errc::internal, "reload: an exception ended it, which the log has");
  base::contained("a reload", [&] {
    report = within_([&] { return reload_plugins(ground_, one.what, quit_.get_token()); });
  });
  if (!report)
    tell_refused(report.error());
  else if (!report->dry_run)
    base::log::tell(base::log::events::reloaded, base::log::level::info, module, {}, "{}", summary(*report));
  if (!report || !report->kept.empty()) collect_later(true);
  one.place = {};
  if (one.done) base::contained("the answer to a reload", [&] { one.done(std::move(report)); });
}

void reloader::file_changed(std::string_view name) {
  if (name.empty() || name.ends_with(".so")) settled_.start(settling);
}

void reloader::collect_later(bool soon) {
  patience_ = soon ? first_interval : std::min(patience_ * 2, longest_interval);
  collect_.start(patience_);
}

void reloader::collect() {
  if (!ground_.plugins.collect().empty()) collect_later(false);
}

} // namespace coppice::node
