// SPDX-License-Identifier: MIT
// Appends a second to the durable log from 1, 16, 256 and 1,000 groups, each with one entry of 100 bytes
// under way at a time. The floor of the same run: a write of 4 KiB and its fdatasync, one after another, in a
// file that grows with each write or in a file that is made longer in advance, whichever is faster. Prints
// `NAME VALUE UNIT` for each row. The files are in COPPICE_BENCH_FOLDER, else in the working folder; it must
// be on a disk, not a tmpfs.
// rooms: durable
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "durable/log.hpp"
#include "rows.hpp"

namespace {

using namespace coppice;
using bench::setting;
using bench::wanted;
using namespace std::chrono;

std::string fresh_folder() {
  const char* const where = std::getenv("COPPICE_BENCH_FOLDER");
  std::string name = std::string(where == nullptr ? "." : where) + "/durable-bench-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) std::abort();
  return name;
}

template <class Value>
Value must(base::result<Value> what) {
  if (!what) {
    std::fprintf(stderr, "durable_rows: %s\n", what.error().text.c_str());
    std::exit(1);
  }
  return std::move(*what);
}

double seconds_since(steady_clock::time_point began) {
  return duration<double>(steady_clock::now() - began).count();
}

// `step`: number of bytes by which the file is made longer at once. 0: each write makes it longer.
double write_rate(double for_seconds, std::uint64_t step) {
  const std::string folder = fresh_folder();
  double rate = 0;
  {
    auto to = must(durable::real_disk().open(folder + "/floor", durable::access::create));
    const std::vector<std::uint8_t> bytes(4096, 'f');
    std::uint64_t count = 0;
    const auto began = steady_clock::now();
    for (; seconds_since(began) < for_seconds; ++count) {
      const std::uint64_t at = count * bytes.size();
      if (step > 0 && at % step == 0) (void)to->reserve(at + step); // on failure the writes make it longer
      if (!to->write(at, bytes) || !to->sync()) std::abort();
    }
    rate = static_cast<double>(count) / seconds_since(began);
  }
  std::filesystem::remove_all(folder);
  return rate;
}

double floor_rate(double for_seconds) {
  constexpr std::uint64_t step = std::uint64_t{1} << 20;
  const double growing = write_rate(for_seconds / 2, 0);
  return std::max(growing, write_rate(for_seconds / 2, step));
}

// Each group appends its next entry once the last one is on the disk.
class appenders {
 public:
  appenders(durable::shared_log& to, std::size_t count) : log_(to), next_(count, 1) {
    for (std::size_t i = 0; i < count; ++i) ids_.push_back(must(to.group("group" + std::to_string(i))));
  }
  double run(double for_seconds) {
    const auto began = steady_clock::now();
    until_ = began + duration_cast<steady_clock::duration>(duration<double>(for_seconds));
    running_ = ids_.size();
    for (std::size_t i = 0; i < ids_.size(); ++i) append(i);
    std::unique_lock hold(mutex_);
    ended_.wait(hold, [this] { return running_ == 0; });
    return static_cast<double>(done_) / seconds_since(began);
  }

 private:
  void append(std::size_t i) {
    durable::request one{ids_[i], {durable::append{{next_[i]++, 1, std::string(100, 'e')}}}};
    const auto sent = log_.submit(std::move(one), [this, i](base::status how) {
      if (!how) std::abort();
      ++done_;
      if (steady_clock::now() < until_) return append(i);
      const std::lock_guard hold(mutex_);
      --running_;
      ended_.notify_one();
    });
    if (!sent) std::abort();
  }

  durable::shared_log& log_;
  std::vector<durable::group_id> ids_;
  std::vector<std::uint64_t> next_;
  steady_clock::time_point until_;
  std::atomic<std::uint64_t> done_{0};
  std::mutex mutex_;
  std::condition_variable ended_;
  std::size_t running_ = 0;
};

double append_rate(std::size_t groups, double for_seconds) {
  const std::string folder = fresh_folder();
  double rate = 0;
  {
    const auto log = must(durable::shared_log::open(durable::real_disk(), folder + "/log", {}));
    rate = appenders(*log, groups).run(for_seconds);
  }
  std::filesystem::remove_all(folder);
  return rate;
}

} // namespace

int main() {
  const double for_seconds = 0.02 * setting("PEER_BENCH_SCALE", 100);
  const unsigned runs = std::max(1U, setting("PEER_BENCH_RUNS", 3));
  for (const std::size_t groups : {1, 16, 256, 1000}) {
    const std::string name = "durable_append_" + std::to_string(groups);
    if (!wanted(name)) continue;
    std::vector<double> rates;
    std::vector<double> floors;
    for (unsigned i = 0; i < runs; ++i) {
      // Measured before and after, because the speed of a shared disk changes.
      const double before = floor_rate(for_seconds / 2);
      rates.push_back(append_rate(groups, for_seconds));
      floors.push_back((before + floor_rate(for_seconds / 2)) / 2);
    }
    std::sort(rates.begin(), rates.end());
    std::sort(floors.begin(), floors.end());
    std::printf("%s %.0f appends/s spread %.0f %.0f\n", name.c_str(), rates[runs / 2], rates.front(),
                rates.back());
    std::printf("%s_floor %.0f writes/s spread %.0f %.0f\n", name.c_str(), floors[runs / 2], floors.front(),
                floors.back());
    std::fflush(stdout);
  }
}
