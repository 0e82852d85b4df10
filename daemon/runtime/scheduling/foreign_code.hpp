// SPDX-License-Identifier: MIT
// The border between our code and a plugin's. While a process is in foreign code nothing of its worker is in
// use, so the watchdog may give the worker to another thread; our code that runs next on the old thread then
// finds out and leaves (driver.hpp). Who wins when both come at once: code_border.hpp.
#pragma once

#include "runtime/process.hpp"

namespace coppice::runtime {

// Around a callback of foreign code, in the turn of `p`. Afterwards the thread may be another one.
class foreign_code {
 public:
  // What the watchdog says of a callback that takes long: its name, and the term it was given, if any.
  // Both outlive this.
  foreign_code(process& p, const char* callback, etf::bytes argument)
      : process_(p), callback_(callback), argument_(argument) {
    p.border().go_out(this);
  }
  [[gnu::always_inline]] ~foreign_code() { come_back(process_); }
  foreign_code(const foreign_code&) = delete;
  foreign_code& operator=(const foreign_code&) = delete;

  const char* callback() const { return callback_; }
  etf::bytes argument() const { return argument_; }

 private:
  friend class host_code;
  [[gnu::always_inline]] static void come_back(process& p) {
    if (p.border().come_back()) [[unlikely]]
      rejoin(p);
  }
  [[gnu::cold]] static void rejoin(process& p);
  static bool is_turn_of(const process& p);

  process& process_;
  const char* callback_;
  etf::bytes argument_;
};

// Around a function of ours that foreign code calls on behalf of `p` (null: of nobody). Any thread.
class host_code {
 public:
  [[gnu::always_inline]] explicit host_code(process* p) {
    if (p == nullptr || !foreign_code::is_turn_of(*p)) return;
    from_ = p->border().outside();
    foreign_code::come_back(*p);
    process_ = p;
  }
  ~host_code() {
    if (process_ != nullptr) process_->border().go_out(from_);
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
