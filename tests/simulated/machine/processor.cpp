// SPDX-License-Identifier: MIT
// The processor's counter is read by an instruction, not by a function of libc. The product is compiled here
// without reading it (COPPICE_NO_PROCESSOR_COUNTER). In other code the instruction is made a fault whose
// handler answers 0, if the kernel can do that: some virtual machines let it be read all the same.
#include "processor.hpp"

#include <execinfo.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "descriptors.hpp"
#include "machine.hpp"
#include "real.hpp"

namespace coppice::simulated {
namespace {

#if defined(__x86_64__)
bool was_the_counter(void* context) {
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const auto* code = reinterpret_cast<const unsigned char*>(registers[REG_RIP]);
  const bool plain = code[0] == 0x0f && code[1] == 0x31;                             // rdtsc
  const bool with_processor = code[0] == 0x0f && code[1] == 0x01 && code[2] == 0xf9; // rdtscp
  if (!plain && !with_processor) return false;
  registers[REG_RAX] = 0;
  registers[REG_RDX] = 0;
  if (with_processor) registers[REG_RCX] = 0;
  registers[REG_RIP] += plain ? 2 : 3;
  return true;
}
#else
bool was_the_counter(void*) {
  return false;
}
#endif

void fault(int number, siginfo_t* info, void* context) {
  if (number == SIGSEGV && info->si_code == SI_KERNEL && was_the_counter(context)) return;
  std::array<void*, 64> frames;
  const int count = backtrace(frames.data(), static_cast<int>(frames.size()));
  backtrace_symbols_fd(frames.data(), count, 2);
  give_up(fmt::format("signal {} at {}", number, info->si_addr));
}

} // namespace

void prepare_processor() {
  static auto* const set = real<int(int, const struct sigaction*, struct sigaction*)>("sigaction");
  std::array<void*, 1> none;
  backtrace(none.data(), 1); // loads what backtrace() needs
  struct sigaction handler {};
  handler.sa_sigaction = &fault;
  handler.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) set(number, &handler, nullptr);
#if defined(__x86_64__)
  prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
#endif
  mallopt(M_ARENA_MAX, 1);
  // Descriptors below this number are the kernel's, those above are simulated.
  const rlimit few{first_descriptor, first_descriptor};
  kernel(SYS_prlimit64, 0, RLIMIT_NOFILE, as_long(&few));
}

void start_again(const char* argument) {
  if (personality(ADDR_NO_RANDOMIZE) < 0) return;
  std::string program("coppice-simulated");
  std::string only(argument);
  std::array<char*, 3> arguments{program.data(), only.data(), nullptr};
  std::array<char*, 1> no_environment{nullptr};
  execve("/proc/self/exe", arguments.data(), no_environment.data());
}

void kernel_close_from(int first) {
  kernel(SYS_close_range, first, ~0U, 0);
}

} // namespace coppice::simulated

extern "C" int sigaction(int number, const struct sigaction* chosen, struct sigaction* before) noexcept {
  using namespace coppice::simulated;
  static auto* const set = real<int(int, const struct sigaction*, struct sigaction*)>("sigaction");
  const bool ours =
      number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL || number == SIGABRT;
  if (current() == nullptr || !ours) return set(number, chosen, before);
  if (before != nullptr) *before = {};
  return 0;
}
