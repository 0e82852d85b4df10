// SPDX-License-Identifier: MIT
// The ETF rows of the benchmark table, one `NAME VALUE UNIT` a line, named as peer_bench.erl names OTP's:
// etf_encode_SHAPE from a struct, etf_decode_SHAPE into one, etf_decode_SHAPE_view validated and left as
// bytes, etf_decode_SHAPE_term into a dynamic term, etf_scan_SHAPE the validating pass in MB/s. Each is the
// median of rounds of about 20 ms. Arguments: the number of rounds (default 7); `cpu` counts the thread's
// processor time and not the clock on the wall, for a machine that is busy with other work.
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

void row(const std::string& name, double value, const char* unit) {
  std::printf("%s %.1f %s\n", name.c_str(), value, unit);
  std::fflush(stdout);
}

template <class T>
void shape(const std::string& name, const T& value) {
  etf::vector_writer out;
  etf::encode(out, value);
  const std::vector<std::uint8_t> bytes(out.view().begin(), out.view().end());
  row("etf_size_" + name, static_cast<double>(bytes.size() + 1), "bytes");
  row("etf_encode_" + name, measure([&] {
        out.rewind();
        out.version();
        etf::encode(out, value);
        keep(out.size());
      }),
      "ns/op");
  row("etf_decode_" + name, measure([&] {
        auto decoded = etf::decode<T>(bytes);
        if (!decoded) std::abort();
        keep(decoded);
      }),
      "ns/op");
  const double view = measure([&] {
    const auto length = etf::validate(bytes);
    if (!length) std::abort();
    keep(*length);
  });
  row("etf_decode_" + name + "_view", view, "ns/op");
  row("etf_decode_" + name + "_term", measure([&] {
        auto decoded = etf::term::decode(bytes);
        if (!decoded) std::abort();
        keep(decoded);
      }),
      "ns/op");
  row("etf_scan_" + name, static_cast<double>(bytes.size()) * 1000 / view, "MB/s");
}

} // namespace

int main(int count, char** arguments) {
  if (count > 1) rounds = std::max(1, std::atoi(arguments[1]));
  if (count > 2 && std::string_view(arguments[2]) == "cpu") watch = CLOCK_THREAD_CPUTIME_ID;
  shape("gen_call", shapes::make_gen_call());
  shape("list1000_int", shapes::make_integers());
  shape("list1000_float", shapes::make_floats());
  shape("map100_atom_int", shapes::make_counters());
  shape("list100_person", shapes::make_persons());
  const std::string blob = shapes::make_blob();
  shape("binary_1MiB", std::string_view(blob));
  return 0;
}
