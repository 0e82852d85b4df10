// SPDX-License-Identifier: MIT
// The fault's handler. It runs where anything may be half done, so it only reads what the faulting thread
// itself owns, and formats by hand. See stack_fault.hpp.
#include "runtime/scheduling/stack_fault.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>

#include "runtime/messages/delivery.hpp"

namespace coppice::runtime {
namespace {

struct sigaction before;

class line {
 public:
  line& operator<<(std::string_view text) {
    for (const char one : text)
      if (used_ < sizeof text_) text_[used_++] = one;
    return *this;
  }
  line& operator<<(std::uint64_t number) {
    char digits[20];
    std::size_t count = 0;
    do digits[count++] = static_cast<char>('0' + number % 10);
    while ((number /= 10) != 0);
    while (count != 0) *this << std::string_view(&digits[--count], 1);
    return *this;
  }
  void write_to_stderr() const { [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, text_, used_); }

 private:
  char text_[512];
  std::size_t used_ = 0;
};

void on_fault(int number, siginfo_t* what, void*) {
  std::size_t stack = 0;
  const process_record* p = driver::overflowed(what->si_addr, stack);
  if (p == nullptr) { // not ours: the instruction runs again and faults for the handler before
    sigaction(number, &before, nullptr);
    // One that somebody sent has no instruction: it comes once more when this returns.
    if (what->si_code <= 0) ::raise(number);
    return;
  }
  line out;
  out << "coppice: stack overflow: a handler of <0." << p->self().id << "." << p->self().serial << "> ";
  out << p->label_in_crash() << " needs more than the " << stack << " bytes of its stack\n";
  out.write_to_stderr();
  struct sigaction fatal {};
  fatal.sa_handler = SIG_DFL;
  sigaction(number, &fatal, nullptr);
}

} // namespace

void tell_of_stack_faults() {
  static const bool installed = [] {
    struct sigaction ours {};
    ours.sa_sigaction = &on_fault;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&ours.sa_mask);
    return sigaction(SIGSEGV, &ours, &before) == 0;
  }();
  (void)installed;
}

signal_stack::signal_stack() : memory_(std::make_unique<std::byte[]>(size)) {
  stack_t ours{};
  ours.ss_sp = memory_.get();
  ours.ss_size = size;
  sigaltstack(&ours, &before_);
}

signal_stack::~signal_stack() {
  sigaltstack(&before_, nullptr);
}

} // namespace coppice::runtime
