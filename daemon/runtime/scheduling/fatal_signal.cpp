// SPDX-License-Identifier: MIT
// The signal handler may interrupt code in any state. So it only reads what the faulting thread owns and what
// stays mapped, and formats by hand. Places in a file are printed for `addr2line`: file name, offset in the
// file, build id. See fatal_signal.hpp.
#include "runtime/scheduling/fatal_signal.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <execinfo.h>
#include <link.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

#include "base/log_settings.hpp"
#include "base/log_sinks.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/scheduling/foreign_code.hpp"

namespace coppice::runtime {
namespace {

struct fatal {
  int number;
  std::string_view name;
  struct sigaction before {};
};
std::array<fatal, 5> all{{{SIGSEGV, "SIGSEGV", {}},
                          {SIGBUS, "SIGBUS", {}},
                          {SIGILL, "SIGILL", {}},
                          {SIGFPE, "SIGFPE", {}},
                          {SIGABRT, "SIGABRT", {}}}};

bool is_for_journal = false; // standard error is a stream to the journal

std::atomic<int> words_kept_at{-1};

struct hex {
  std::uintptr_t value;
};

class line {
 public:
  // The journal reads a line's priority from its beginning (sd-daemon(3)).
  line() {
    if (is_for_journal) *this << "<2>";
  }
  line& operator<<(std::string_view text) {
    for (const char one : text)
      if (used_ < sizeof text_ - 1) text_[used_++] = one;
    return *this;
  }
  line& operator<<(std::uint64_t number) { return add(number, 10); }
  line& operator<<(hex number) { return *this << "0x", add(number.value, 16); }
  line& byte(unsigned char value) {
    constexpr std::string_view digits = "0123456789abcdef";
    return *this << digits.substr(value >> 4, 1) << digits.substr(value & 15, 1);
  }
  void write_to_stderr() {
    text_[used_++] = '\n';
    [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, text_, used_);
    const int kept = words_kept_at.load(std::memory_order_relaxed);
    const std::size_t skipped = is_for_journal ? 3 : 0;
    if (kept >= 0) [[maybe_unused]]
      const auto lost = ::write(kept, text_ + skipped, used_ - skipped);
  }

 private:
  line& add(std::uint64_t number, unsigned base) {
    char digits[20];
    std::size_t count = 0;
    do digits[count++] = "0123456789abcdef"[number % base];
    while ((number /= base) != 0);
    while (count != 0) *this << std::string_view(&digits[--count], 1);
    return *this;
  }

  char text_[1024];
  std::size_t used_ = 0;
};

// The build id in the notes of a mapped file. Empty: it has none.
std::span<const unsigned char> build_id(const link_map& of, const void* begin) {
  const auto* head = static_cast<const ElfW(Ehdr)*>(begin);
  if (std::memcmp(head->e_ident, ELFMAG, SELFMAG) != 0) return {};
  const auto* parts = reinterpret_cast<const ElfW(Phdr)*>(static_cast<const char*>(begin) + head->e_phoff);
  for (unsigned i = 0; i < head->e_phnum; ++i) {
    if (parts[i].p_type != PT_NOTE) continue;
    const char* at = reinterpret_cast<const char*>(of.l_addr + parts[i].p_vaddr);
    const char* const end = at + parts[i].p_memsz;
    const auto padded = [](std::size_t size) { return (size + 3) / 4 * 4; };
    while (end - at >= static_cast<std::ptrdiff_t>(sizeof(ElfW(Nhdr)))) {
      const auto* note = reinterpret_cast<const ElfW(Nhdr)*>(at);
      const char* const name = at + sizeof *note;
      const char* const text = name + padded(note->n_namesz);
      if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0)
        return {reinterpret_cast<const unsigned char*>(text), note->n_descsz};
      at = text + padded(note->n_descsz);
    }
  }
  return {};
}

// FILE+OFFSET, with the build id if `with_id`.
void add_place(line& out, std::uintptr_t pc, bool with_id) {
  dl_find_object found{};
  if (pc == 0 || _dl_find_object(reinterpret_cast<void*>(pc), &found) != 0) {
    out << hex{pc};
    return;
  }
  const link_map& file = *found.dlfo_link_map;
  std::string_view name(file.l_name);
  name.remove_prefix(name.rfind('/') + 1);
  out << (name.empty() ? "the program" : name) << "+" << hex{pc - file.l_addr};
  const auto id = with_id ? build_id(file, found.dlfo_map_start) : std::span<const unsigned char>();
  if (id.empty()) return;
  out << " (build id ";
  for (const unsigned char each : id) out.byte(each);
  out << ")";
}

// An atom, or a tuple that begins with one, as {put,...}. Prints nothing for other terms.
void add_head(line& out, etf::bytes term) {
  constexpr std::uint8_t small_tuple = 104;
  constexpr std::uint8_t small_atom = 119;
  const bool tuple = term.size() > 2 && term[0] == small_tuple && term[1] != 0;
  const etf::bytes atom = tuple ? term.subspan(2) : term;
  if (atom.size() < 2 || atom[0] != small_atom || atom.size() < 2U + atom[1]) return;
  const std::string_view name(reinterpret_cast<const char*>(atom.data()) + 2, atom[1]);
  out << ", given " << (tuple ? "{" : "") << name << (tuple && term[1] > 1 ? ",..." : "")
      << (tuple ? "}" : "");
}

void add_process(line& out, const process_record& p) {
  out << "<0." << p.self().id << "." << p.self().serial << "> " << p.label_in_crash();
}

std::uintptr_t pc_of(const void* context) {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(machine.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return machine.pc;
#else
  (void)machine;
  return 0;
#endif
}

void tell(const fatal& signal, const siginfo_t& what, const void* context) {
  line out;
  out << "coppice: " << signal.name;
  if (what.si_code <= 0 &&
      // Another process sent it to any thread, so this thread's work has nothing to do with it.
      what.si_pid != getpid()) {
    out << ", sent by process " << static_cast<std::uint64_t>(what.si_pid);
    return out.write_to_stderr();
  }
  if (signal.number != SIGABRT) out << " at address " << hex{reinterpret_cast<std::uintptr_t>(what.si_addr)};
  out << " in ";
  add_place(out, pc_of(context), true);
  if (const process_record* p = driver::running_here()) {
    const foreign_code* code = p->border().outside();
    out << ": " << (code == nullptr ? "a host call" : code->callback()) << " of ";
    add_process(out, *p);
    if (code != nullptr && base::log::shows_messages()) add_head(out, code->argument());
  }
  out.write_to_stderr();
  // The stack itself may be damaged: the first line has been written by now.
  std::array<void*, 20> frames{};
  const int count = backtrace(frames.data(), static_cast<int>(frames.size()));
  line places;
  places << "coppice: called from";
  for (int i = 2; i < count; ++i) { // from here on; the first two are this function and the handler
    places << " ";
    add_place(places, reinterpret_cast<std::uintptr_t>(frames[static_cast<std::size_t>(i)]), false);
  }
  places.write_to_stderr();
}

void on_signal(int number, siginfo_t* what, void* context) {
  fatal& signal =
      *std::find_if(all.begin(), all.end(), [number](const fatal& f) { return f.number == number; });
  std::size_t stack = 0;
  if (const process_record* p = number == SIGSEGV ? driver::overflowed(what->si_addr, stack) : nullptr) {
    line out;
    out << "coppice: stack overflow: a handler of ";
    add_process(out, *p);
    out << " needs more than the " << stack << " bytes of its stack";
    out.write_to_stderr();
    struct sigaction deadly {};
    deadly.sa_handler = SIG_DFL;
    sigaction(number, &deadly, nullptr);
    return;
  }
  tell(signal, *what, context);
  // The instruction runs again and faults for the former handler. A signal that a process has sent has no
  // instruction: it is raised again when this function returns.
  sigaction(number, &signal.before, nullptr);
  if (what->si_code <= 0) ::raise(number);
}

// exit() in a callback ends the whole node, with whatever status. In an ordinary end no process runs on the
// thread that calls exit().
void on_exit_of_node() {
  const process_record* const p = driver::running_here();
  if (p == nullptr) return;
  const foreign_code* const code = p->border().outside();
  line out;
  out << "coppice: exit() was called in " << (code == nullptr ? "a host call" : code->callback()) << " of ";
  add_process(out, *p);
  out << ", and ends the node: a plugin ends its actor by an exception or by what its callback returns";
  out.write_to_stderr();
}

} // namespace

void keep_last_words(int descriptor) {
  words_kept_at = descriptor;
}

void tell_of_fatal_signals() {
  static const bool installed = [] {
    std::array<void*, 1> first{};
    backtrace(first.data(), 1); // loads what backtrace() needs, which may not happen in the handler
    is_for_journal = base::log::is_journal(STDERR_FILENO);
    struct sigaction ours {};
    ours.sa_sigaction = &on_signal;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&ours.sa_mask);
    bool all_there = std::atexit(&on_exit_of_node) == 0;
    for (fatal& each : all) all_there = sigaction(each.number, &ours, &each.before) == 0 && all_there;
    return all_there;
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
