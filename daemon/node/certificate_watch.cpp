// SPDX-License-Identifier: MIT
// See certificate_watch.hpp.
#include "node/certificate_watch.hpp"

#include <algorithm>
#include <set>

#include "base/log_event.hpp"
#include "net/certificate.hpp"

namespace coppice::node {
namespace {

constexpr base::nanos warning_time = 14 * net::one_day;
constexpr std::chrono::hours look_period{1};

} // namespace

certificate_watch::certificate_watch(const std::vector<std::shared_ptr<net::tls_source>>& sources) {
  std::set<const net::tls_source*> known{nullptr};
  for (const auto& one : sources)
    if (known.insert(one.get()).second) all_.push_back({one});
}

void certificate_watch::start(uv_loop_t* on) {
  if (all_.empty()) return;
  look();
  hourly_ = base::uv::timer(on, [this] { look(); });
  hourly_.start(look_period, look_period);
}

void certificate_watch::stop() {
  hourly_.close();
}

std::vector<certificate_status> certificate_watch::all() const {
  const base::nanos now = base::wall_now();
  std::vector<certificate_status> out;
  for (const watched& one : all_) {
    const auto own = one.source->own();
    if (!own) continue;
    const bool seen = std::ranges::find(out, own->file, &certificate_status::file) != out.end();
    if (!seen) out.push_back({own->file, own->ends, own->ends - now < warning_time});
  }
  std::ranges::sort(out, {}, &certificate_status::file);
  return out;
}

void certificate_watch::look() {
  namespace log = base::log;
  const base::nanos now = base::wall_now();
  std::set<std::string> told; // one file may be of several sources
  for (watched& one : all_) {
    const auto own = one.source->own();
    if (!own) continue;
    const base::nanos left = own->ends - now;
    const said state = left <= 0 ? said::ended : left < warning_time ? said::ends_soon : said::nothing;
    if (std::exchange(one.last, state) == state || state == said::nothing || !told.insert(own->file).second)
      continue;
    const std::string date = base::format_wall(own->ends);
    const std::vector<log::field> fields{{"file", own->file}, {"ends", date}};
    if (state == said::ended) {
      log::tell(log::events::certificate_ends, log::level::error, "net", fields,
                "the certificate {} has expired on {}: other nodes refuse it", own->file, date);
    } else {
      log::tell(log::events::certificate_ends, log::level::warning, "net", fields,
                "the certificate {} expires on {}, in {} days: replace it, which needs no restart", own->file,
                date, left / net::one_day);
    }
  }
}

} // namespace coppice::node
