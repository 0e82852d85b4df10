// SPDX-License-Identifier: MIT
// The stack is walked by the unwinder that the throw itself uses, so frame pointers are not needed. The walk
// stops at the first frame of this program, since all frames behind it are the daemon's. An exception is
// known by its address: a later exception at the same address replaces it in the table.
#include "host/boundary/thrown.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>
#include <unwind.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string_view>
#include <unordered_map>

#include "base/function_names.hpp"

namespace coppice::host {
namespace {

constexpr std::size_t most_frames = 32;

struct noted {
  std::atomic_flag busy;
  const void* exception = nullptr;
  std::size_t count = 0;
  std::array<const void*, most_frames> frames{};
};

constexpr std::size_t slots = 256;
std::array<noted, slots> latest;

noted& slot_of(const void* exception) {
  const std::uint64_t mixed = reinterpret_cast<std::uintptr_t>(exception) * 0x9e3779b97f4a7c15U;
  return latest[mixed >> 56];
}

class held {
 public:
  explicit held(noted& slot) : slot_(slot), ours_(!slot.busy.test_and_set(std::memory_order_acquire)) {}
  ~held() {
    if (ours_) slot_.busy.clear(std::memory_order_release);
  }
  held(const held&) = delete;
  held& operator=(const held&) = delete;
  explicit operator bool() const { return ours_; }

 private:
  noted& slot_;
  const bool ours_;
};

struct range {
  const void* begin = nullptr;
  const void* end = nullptr;
  bool holds(const void* address) const { return begin <= address && address < end; }
};

range this_program() {
  dl_find_object found{};
  if (_dl_find_object(reinterpret_cast<void*>(&note_throw), &found) != 0) return {};
  return {found.dlfo_map_start, found.dlfo_map_end};
}

struct walk {
  noted& into;
  range program;
  bool outside = false; // a frame outside of this program was seen, after note_throw and its caller
};

_Unwind_Reason_Code take_frame(_Unwind_Context* frame, void* of) {
  walk& on = *static_cast<walk*>(of);
  const auto* const address = reinterpret_cast<const void*>(_Unwind_GetIP(frame));
  if (address == nullptr) return _URC_END_OF_STACK; // the frame before it is the outermost
  if (on.program.holds(address)) return on.outside ? _URC_END_OF_STACK : _URC_NO_REASON;
  on.outside = true;
  on.into.frames[on.into.count++] = address;
  return on.into.count == most_frames ? _URC_END_OF_STACK : _URC_NO_REASON;
}

std::string line_of(const void* address, std::unordered_map<std::string, base::function_names>& files) {
  const auto* const call = static_cast<const char*>(address) - 1;
  Dl_info at{};
  link_map* mapped = nullptr;
  if (dladdr1(call, &at, reinterpret_cast<void**>(&mapped), RTLD_DL_LINKMAP) == 0 || mapped == nullptr)
    return fmt::format("{}", fmt::ptr(call));
  const std::string_view file = mapped->l_name;
  const auto offset = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(call) - mapped->l_addr);
  std::string name;
  if (at.dli_sname != nullptr) {
    name = base::readable_function_name(at.dli_sname);
  } else {
    auto known = files.find(std::string(file));
    if (known == files.end())
      known = files.emplace(file, base::function_names::of_file(std::string(file))).first;
    name = known->second.at(offset);
  }
  return fmt::format("{}+{:#x}{}{}", file.substr(file.rfind('/') + 1), offset, name.empty() ? "" : " ", name);
}

} // namespace

void note_throw(const void* exception) noexcept {
  static const range program = this_program();
  noted& slot = slot_of(exception);
  const held mine(slot);
  if (!mine) return;
  slot.exception = exception;
  slot.count = 0;
  walk on{slot, program};
  _Unwind_Backtrace(&take_frame, &on);
}

thrown_frames frames_of_caught() {
  const std::exception_ptr caught = std::current_exception();
  if (caught == nullptr) return {};
  // An exception_ptr holds only the exception's address, in any standard library.
  static_assert(sizeof caught == sizeof(void*));
  const void* exception = nullptr;
  std::memcpy(&exception, static_cast<const void*>(&caught), sizeof exception);
  noted& slot = slot_of(exception);
  const held mine(slot);
  if (!mine || slot.exception != exception) return {};
  return thrown_frames(slot.frames.begin(), slot.frames.begin() + static_cast<std::ptrdiff_t>(slot.count));
}

std::string to_text(const thrown_frames& frames) {
  std::unordered_map<std::string, base::function_names> files;
  std::string text;
  for (const void* const each : frames) {
    if (!text.empty()) text += '\n';
    text += line_of(each, files);
  }
  return text;
}

} // namespace coppice::host
