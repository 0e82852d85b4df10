// SPDX-License-Identifier: MIT
// See border.hpp. Describing an exception needs memory, which may have run out. If the description itself
// throws, the log gets a shorter text that needs none. Any thread.
#include "base/border.hpp"

#include <cstdlib>
#include <exception>
#include <memory>

#include "base/log.hpp"

namespace coppice::base {
namespace {

std::string text_of(const caught_exception& thrown) {
  return thrown.what.empty() || thrown.what == thrown.type ? thrown.type : thrown.type + ": " + thrown.what;
}

} // namespace

std::string readable_name(const std::type_info& of) {
  int failed = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(of.name(), nullptr, nullptr, &failed), &std::free);
  return name != nullptr ? name.get() : of.name();
}

caught_exception caught() {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  caught_exception out{type == nullptr ? "unknown" : readable_name(*type), {}};
  try {
    throw;
  } catch (const std::exception& thrown) {
    out.what = thrown.what();
  } catch (...) {
  }
  return out;
}

void note_escaped(std::string_view culprit, const std::type_info* callback) noexcept {
  try {
    const std::string thrown = text_of(caught());
    if (callback == nullptr)
      log::error("base", "{} let an exception out: {}", culprit, thrown);
    else
      log::error("base", "{}, {}, let an exception out: {}", culprit, readable_name(*callback), thrown);
  } catch (...) {
    try {
      log::error("base", "{} let an exception out, and there is no memory to say which", culprit);
    } catch (...) { // nothing can be said
    }
  }
}

} // namespace coppice::base
