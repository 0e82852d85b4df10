// SPDX-License-Identifier: MIT
// The border between the daemon's code and a plugin's. While a process is in foreign code, nothing of its
// worker is in use, so the watchdog may give the worker to another thread. Code of the daemon that runs next
// on the old thread finds that out and leaves (driver.hpp). code_border.hpp decides which side wins if both
// come at once.
#pragma once

#include "base/heap_account.hpp"
#include "runtime/process.hpp"

namespace coppice::runtime {

// Around a callback of foreign code, in the turn of `p`. Afterwards another thread may run this code.
class foreign_code {
 public:
  // `callback` and `argument` (empty: none) are what the watchdog says of a slow callback. Both have to
  // outlive this object. Its allocations are charged to `charged`.
  foreign_code(process& p, const char* callback, etf::bytes argument,
               base::heap::owner charged = base::heap::unknown)
      : process_(p), callback_(callback), argument_(argument), charged_(charged) {
    p.border().go_out(this);
  }
  [[gnu::always_inline]] ~foreign_code() { come_back(process_); }
  foreign_code(const foreign_code&) = delete;
  foreign_code& operator=(const foreign_code&) = delete;

  const char* callback() const { return callback_; }
  etf::bytes argument() const { return argument_; }
  base::heap::owner charged() const { return charged_; }

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
  base::heap::owner charged_;
};

// Around a function of the daemon that foreign code calls for `p`; null: for no process. Any thread.
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

  // False: this thread does not have p's turn.
  explicit operator bool() const { return process_ != nullptr; }

 private:
  process* process_ = nullptr;
  const foreign_code* from_ = nullptr;
};

} // namespace coppice::runtime
