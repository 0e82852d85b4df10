// SPDX-License-Identifier: MIT
// The ETF library under Google Benchmark: each shape is encoded, decoded into a struct, validated and left as
// bytes, and decoded into a dynamic term; look-up in large maps; text. etf_rows.cpp has the ratios to OTP.
#include <benchmark/benchmark.h>

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/order.hpp>
#include <coppice/etf/term.hpp>
#include <coppice/etf/text.hpp>
#include <coppice/etf/validate.hpp>

#include "etf_shapes.hpp"

namespace {

namespace etf = coppice::etf;

template <class T>
void encode(benchmark::State& state, T value) {
  etf::vector_writer out;
  for (auto _ : state) {
    out.rewind();
    etf::encode(out, value);
    benchmark::DoNotOptimize(out.size());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * out.size()));
}

template <class T>
void decode(benchmark::State& state, T value) {
  const auto bytes = etf::encode(value);
  for (auto _ : state) {
    auto decoded = etf::decode<T>(bytes);
    benchmark::DoNotOptimize(decoded);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
}

template <class T>
void view(benchmark::State& state, T value) {
  const auto bytes = etf::encode(value);
  for (auto _ : state) {
    auto length = etf::validate(bytes);
    benchmark::DoNotOptimize(length);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
}

template <class T>
void dynamic(benchmark::State& state, T value) {
  const auto bytes = etf::encode(value);
  for (auto _ : state) {
    auto decoded = etf::term::decode(bytes);
    benchmark::DoNotOptimize(decoded);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
}

/// A 1 MiB binary encoded as its head and the caller's own bytes, as for a gathered write.
void encode_borrowed(benchmark::State& state) {
  const std::string blob = shapes::make_blob();
  std::uint8_t head[8];
  for (auto _ : state) {
    etf::writer out(head, head + sizeof head);
    out.binary_head(static_cast<std::uint32_t>(blob.size()));
    benchmark::DoNotOptimize(out.size());
    benchmark::DoNotOptimize(blob.data());
  }
}

void map_look_up(benchmark::State& state) {
  std::vector<std::pair<etf::term, etf::term>> pairs;
  std::vector<etf::term> keys;
  for (int i = 0; i < 1000; ++i) {
    keys.push_back(etf::term::atom("key_" + std::to_string(i)));
    pairs.emplace_back(keys.back(), etf::term::integer(i));
  }
  const etf::term map = etf::term::map(std::move(pairs));
  std::size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(map.find(keys[at]));
    at = (at + 7) % keys.size();
  }
}

void text_of(benchmark::State& state) {
  const auto bytes = etf::encode(shapes::make_persons());
  for (auto _ : state) {
    const std::string text = etf::print(bytes);
    auto parsed = etf::parse(text);
    benchmark::DoNotOptimize(parsed);
  }
}

void hash(benchmark::State& state) {
  const auto bytes = etf::encode(shapes::make_persons());
  for (auto _ : state) benchmark::DoNotOptimize(etf::phash2(bytes));
}

} // namespace

#define EACH_SHAPE(how)                                             \
  BENCHMARK_CAPTURE(how, gen_call, shapes::make_gen_call());        \
  BENCHMARK_CAPTURE(how, list1000_int, shapes::make_integers());    \
  BENCHMARK_CAPTURE(how, list1000_float, shapes::make_floats());    \
  BENCHMARK_CAPTURE(how, map100_atom_int, shapes::make_counters()); \
  BENCHMARK_CAPTURE(how, list100_person, shapes::make_persons());   \
  BENCHMARK_CAPTURE(how, binary_1MiB, shapes::make_blob())

EACH_SHAPE(encode);
EACH_SHAPE(decode);
EACH_SHAPE(view);
EACH_SHAPE(dynamic);
BENCHMARK(encode_borrowed);
BENCHMARK(map_look_up);
BENCHMARK(text_of);
BENCHMARK(hash);
BENCHMARK_MAIN();
