// SPDX-License-Identifier: MIT
// A certificate is logged when its state has changed since the last look.
#include "node/environment/certificate_watch.hpp"

#include <algorithm>
#include <utility>

#include "base/log_event.hpp"
#include "net/tls/certificate.hpp"

namespace coppice::node {
namespace {

constexpr base::nanos warning_time = 14 * net::one_day;
constexpr std::chrono::hours look_period{1};

} // namespace

void certificate_watch::start(uv_loop_t* on) {
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
  for (const auto& source : of_.all()) {
    for (const auto& own : source->own()) {
      const auto seen = std::ranges::find(out, own.file, &certificate_status::file);
      if (seen == out.end())
        out.push_back({own.file, own.ends, own.ends - now < warning_time, own.unused});
      else if (seen->unused.empty())
        seen->unused = own.unused;
    }
  }
  std::ranges::sort(out, {}, &certificate_status::file);
  return out;
}

void certificate_watch::look() {
  namespace log = base::log;
  const base::nanos now = base::wall_now();
  std::map<std::string, said> now_said;
  for (const certificate_status& own : all()) {
    const base::nanos left = own.ends - now;
    const said state = left <= 0 ? said::ended : own.soon ? said::ends_soon : said::nothing;
    now_said.emplace(own.file, state);
    const auto former = said_.find(own.file);
    if (state == said::nothing || (former != said_.end() && former->second == state)) continue;
    const std::string date = base::format_wall(own.ends);
    const std::vector<log::field> fields{{"file", own.file}, {"ends", date}};
    if (state == said::ended) {
      log::tell(log::events::certificate_ends, log::level::error, "net", fields,
                "the certificate {} has expired on {}: who connects refuses it", own.file, date);
    } else {
      log::tell(log::events::certificate_ends, log::level::warning, "net", fields,
                "the certificate {} expires on {}, in {} days: replace it, which needs no restart", own.file,
                date, left / net::one_day);
    }
  }
  said_ = std::move(now_said);
}

} // namespace coppice::node
