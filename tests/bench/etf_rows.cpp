// SPDX-License-Identifier: MIT
// The ETF rows of the benchmark table, one `NAME VALUE UNIT` a line, with the names that peer_bench.erl has
// for OTP's. etf_encode_SHAPE encodes from a struct, etf_decode_SHAPE decodes into one, etf_decode_SHAPE_view
// validates and leaves bytes, etf_decode_SHAPE_term decodes into a dynamic term, etf_scan_SHAPE is the
// validating pass in MB/s. etf_find_map1000 and etf_walk_map1000 look up a key in a dynamic map of 1,000, by
// its index and by comparing one key after the other. Each figure is the median of PEER_BENCH_RUNS (7) rounds
// of about 20 ms; PEER_BENCH_ONLY names the rows to measure. With the argument `cpu` the thread's processor
// time is measured, not the time on the clock, for a machine that is busy with other work.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include <coppice/etf/term.hpp>
#include <coppice/etf/validate.hpp>

#include "etf_shapes.hpp"

namespace {

namespace etf = coppice::etf;

int rounds = 7;
clockid_t watch = CLOCK_MONOTONIC;

template <class T>
void keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

double now() {
  timespec at{};
  clock_gettime(watch, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}

double seconds_of(auto&& work, long count) {
  const double start = now();
  for (long i = 0; i < count; ++i) work();
  return now() - start;
}

/// Nanoseconds for one call of `work`.
double measure(auto&& work) {
  long count = 1;
  while (seconds_of(work, count) < 0.005) count *= 2;
  count *= 4;
  std::vector<double> each;
  for (int i = 0; i < rounds; ++i) each.push_back(seconds_of(work, count) * 1e9 / static_cast<double>(count));
  std::sort(each.begin(), each.end());
  return each[each.size() / 2];
}

/// PEER_BENCH_ONLY: names separated by commas. Unset: all.
bool is_wanted(const std::string& name) {
  const char* const only = std::getenv("PEER_BENCH_ONLY");
  if (only == nullptr || *only == '\0') return true;
  return ("," + std::string(only) + ",").find("," + name + ",") != std::string::npos;
}

void row(const std::string& name, double value, const char* unit) {
  std::printf("%s %.1f %s\n", name.c_str(), value, unit);
  std::fflush(stdout);
}

void time_row(const std::string& name, auto&& work) {
  if (is_wanted(name)) row(name, measure(work), "ns/op");
}

template <class T>
void shape(const std::string& name, const T& value) {
  etf::vector_writer out;
  etf::encode(out, value);
  const std::vector<std::uint8_t> bytes(out.view().begin(), out.view().end());
  const auto view = [&] {
    const auto length = etf::validate(bytes);
    if (!length) std::abort();
    keep(*length);
  };
  if (is_wanted("etf_size_" + name)) row("etf_size_" + name, static_cast<double>(bytes.size() + 1), "bytes");
  time_row("etf_encode_" + name, [&] {
    out.rewind();
    out.version();
    etf::encode(out, value);
    keep(out.size());
  });
  time_row("etf_decode_" + name, [&] {
    auto decoded = etf::decode<T>(bytes);
    if (!decoded) std::abort();
    keep(decoded);
  });
  time_row("etf_decode_" + name + "_view", view);
  time_row("etf_decode_" + name + "_term", [&] {
    auto decoded = etf::term::decode(bytes);
    if (!decoded) std::abort();
    keep(decoded);
  });
  if (is_wanted("etf_scan_" + name))
    row("etf_scan_" + name, static_cast<double>(bytes.size()) * 1000 / measure(view), "MB/s");
}

void look_up() {
  std::vector<std::pair<etf::term, etf::term>> pairs;
  std::vector<etf::term> keys;
  for (int i = 0; i < 1000; ++i) {
    keys.push_back(etf::term::atom("key_" + std::to_string(i)));
    pairs.emplace_back(keys.back(), etf::term::integer(i));
  }
  const etf::term map = etf::term::map(std::move(pairs));
  std::size_t at = 0;
  const auto next = [&]() -> const etf::term& { return keys[at = (at + 7) % keys.size()]; };
  time_row("etf_find_map1000", [&] { keep(map.find(next())); });
  time_row("etf_walk_map1000", [&] {
    const etf::term& key = next();
    const auto all = map.pairs();
    std::size_t found = 0;
    while (found < all.size() && !(all[found] == key)) found += 2;
    keep(found);
  });
}

} // namespace

int main(int count, char** arguments) {
  if (const char* const runs = std::getenv("PEER_BENCH_RUNS")) rounds = std::max(1, std::atoi(runs));
  if (count > 1 && std::string_view(arguments[1]) == "cpu") watch = CLOCK_THREAD_CPUTIME_ID;
  shape("gen_call", shapes::make_gen_call());
  shape("list1000_int", shapes::make_integers());
  shape("list1000_float", shapes::make_floats());
  shape("map100_atom_int", shapes::make_counters());
  shape("list100_person", shapes::make_persons());
  const std::string blob = shapes::make_blob();
  shape("binary_1MiB", std::string_view(blob));
  look_up();
  return 0;
}
