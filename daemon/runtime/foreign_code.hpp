// SPDX-License-Identifier: MIT
// The border between our code and a plugin's. While a process is in foreign code nothing of its worker is in
// use, so the watchdog may give the worker to another thread; our code that runs next on the old thread then
// finds out and leaves (driver.hpp). Both ends of that race, asymmetric so that the common side costs two
// stores and a load:
//   the handler's thread, coming back   outside = null; compiler fence; look at claimed
//   the watchdog                        claimed = true; membarrier(2), a full fence on every thread; look at
//   outside
// Whichever thread's look comes later in the order that the barrier makes sees the other's store: the handler
// waits for the watchdog's decision, or the watchdog sees that the process has come back and lets it be.
#pragma once

#include <atomic>

#include "runtime/process.hpp"

namespace coppice::runtime {

// Around a callback of foreign code, in the turn of `p`. Afterwards the thread may be another one.
class foreign_code {
 public:
  // What the watchdog says of a callback that takes long: its name, and the term it was given, if any.
  // Both outlive this.
  foreign_code(process& p, const char* callback, etf::bytes argument)
      : process_(p), callback_(callback), argument_(argument) {
    p.outside_.store(this, std::memory_order_release);
  }
  [[gnu::always_inline]] ~foreign_code() { come_back(process_); }
  foreign_code(const foreign_code&) = delete;
  foreign_code& operator=(const foreign_code&) = delete;

  const char* callback() const { return callback_; }
  etf::bytes argument() const { return argument_; }

 private:
  friend class host_code;
  [[gnu::always_inline]] static void come_back(process& p) {
    p.outside_.store(nullptr, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (p.claimed_.load(std::memory_order_acquire)) [[unlikely]]
      rejoin(p);
  }
  static void rejoin(process& p);
  static bool is_turn_of(const process& p);

  process& process_;
  const char* callback_;
  etf::bytes argument_;
};

// Around a function of ours that foreign code calls on behalf of `p` (null: of nobody). Any thread.
class host_code {
 public:
  explicit host_code(process* p) {
    if (p == nullptr || !foreign_code::is_turn_of(*p)) return;
    from_ = p->outside_.load(std::memory_order_relaxed);
    foreign_code::come_back(*p);
    process_ = p;
  }
  ~host_code() {
    if (process_ != nullptr) process_->outside_.store(from_, std::memory_order_release);
  }
  host_code(const host_code&) = delete;
  host_code& operator=(const host_code&) = delete;

  // False: this is not the thread that has p's turn.
  explicit operator bool() const { return process_ != nullptr; }

 private:
  process* process_ = nullptr;
  const foreign_code* from_ = nullptr;
};

} // namespace coppice::runtime
