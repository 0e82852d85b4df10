// SPDX-License-Identifier: MIT
// The numbers that one engine counts, or all actors of one type. A kind of engine derives a class from
// `counters` and declares each number as a member, with the name, the type and the help of the family that
// shows it. The order of the members is the order of the families on the page. The engine counts by
// incrementing the member, which is an atomic of the engine's own; the board (board.hpp) reads it when the
// page is written.
//
//   struct pool_counters : metrics::counters {
//     metrics::gauge workers{*this, "pool_workers", "Workers of a pool"};
//     metrics::counter handled{*this, "pool_handled", "Requests that workers have handled"};
//   };
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/exposition.hpp"

namespace coppice::metrics {

// Takes the samples that a family of one `counters` writes. Each sample has the labels of that series, and
// the labels that are given with it. Engines with the same labels, as the dynamic children of one template
// are, have one series together: a page with a series twice is refused, or loses all but one.
class samples {
 public:
  using more_labels = std::initializer_list<exposition::label>;

  // `rows`: how many times take_row() is to succeed. `to` outlives it.
  samples(exposition& to, std::size_t rows) : to_(to), rows_(rows) {}
  // The labels of the series that is written until end(). The texts outlive the samples. `engines`: how many
  // engines write the series; samples of several are added up, and written by end().
  void begin(exposition::labels of, std::size_t engines);
  void end();

  void add(std::uint64_t value) { add({}, value); }
  void add(more_labels more, std::uint64_t value);
  void histogram(more_labels more, const std::vector<double>& bounds,
                 const std::vector<std::uint64_t>& at_or_below, double sum);
  // For a family whose engines have a number of series each: called before each series. False: the family
  // has as many series as it may have.
  bool take_row();

 private:
  // One series of several engines.
  struct common_series {
    std::vector<std::pair<std::string, std::string>> more;
    std::uint64_t value = 0;
    std::vector<double> bounds;
    std::vector<std::uint64_t> at_or_below; // empty: it is no histogram
    double sum = 0;
  };

  exposition::labels with(more_labels more) const;
  common_series& in_common(more_labels more);

  exposition& to_;
  std::size_t rows_;
  exposition::labels of_;
  bool is_common_ = false; // several engines write the series
  std::vector<common_series> common_;
};

class counters {
 public:
  // The texts live as long as the program: they are literals.
  struct family {
    kind what = kind::counter;
    std::string_view name;
    std::string_view help;
    std::function<void(samples&)> write; // any thread
  };

  counters(const counters&) = delete;
  counters& operator=(const counters&) = delete;
  virtual ~counters() = default;

  // The families in the order of their declaration; the same in all objects of a class.
  const std::vector<family>& families() const { return families_; }
  // False: it has no series as yet. Any thread.
  virtual bool is_shown() const { return true; }

 protected:
  counters() = default;
  // Declares a family whose samples are read when the page is written.
  void show(kind what, std::string_view name, std::string_view help, std::function<void(samples&)> write);

 private:
  friend class number;
  std::vector<family> families_;
};

// A number that is counted. Any thread, unless a function says otherwise.
class number {
 public:
  number() = default; // without a family of its own
  number(const number&) = delete;
  number& operator=(const number&) = delete;

  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }
  void add(std::uint64_t more = 1) { value_.fetch_add(more, std::memory_order_relaxed); }
  void subtract(std::uint64_t less = 1) { value_.fetch_sub(less, std::memory_order_relaxed); }
  void set(std::uint64_t to) { value_.store(to, std::memory_order_relaxed); }
  // For a number that one thread alone writes: it takes no locked instruction.
  void add_alone(std::uint64_t more = 1) { set(value() + more); }

 protected:
  number(counters& of, kind what, std::string_view name, std::string_view help);

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Only goes up.
class counter : public number {
 public:
  counter(counters& of, std::string_view name, std::string_view help)
      : number(of, kind::counter, name, help) {}
};

// Goes up and down.
class gauge : public number {
 public:
  gauge(counters& of, std::string_view name, std::string_view help) : number(of, kind::gauge, name, help) {}
};

} // namespace coppice::metrics
