// SPDX-License-Identifier: MIT
// The host table, and functions that the interfaces share: checks of the caller, terms from plugins,
// statuses.
#include "host/boundary/host.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/utf8.hpp>
#include <cstring>
#include <typeinfo>

#include "base/log.hpp"
#include "behaviours/gen/destination_term.hpp"
#include "host/boundary/callback.hpp"
#include "host/boundary/entry.hpp"
#include "host/boundary/recent_destinations.hpp"
#include "runtime/system.hpp"

namespace coppice::host {
namespace {

// "coppice.order" of "coppice.order/draft-1".
std::string_view without_revision(std::string_view name) {
  return name.substr(0, name.find('/'));
}

// A plugin may ask for an interface that does not exist and do without it. But if it was built with a draft
// that has changed since, its author is told why it is not available.
void tell_of_missing(std::string_view asked) {
  if (asked.find("/draft-") == asked.npos) return;
  for (const interface_entry& one : all_interfaces()) {
    if (without_revision(one.name) != without_revision(asked)) continue;
    base::log::warning("host", "a plugin asked for {}, which this host does not have; it has {}", asked,
                       one.name);
    return;
  }
}

const void* get_interface(const coppice_host*, const char* name) {
  if (name == nullptr) return nullptr;
  const auto all = all_interfaces();
  const auto found = std::ranges::find(all, std::string_view(name), &interface_entry::name);
  if (found != all.end()) return found->table;
  tell_of_missing(name);
  return nullptr;
}

void set_error(coppice_error* error, std::int32_t code, coppice_bytes text) {
  if (error == nullptr) return;
  error->code = code;
  error->text = whole_text(text).substr(0, longest_text);
}

} // namespace

const coppice_host* host_table() {
  static const coppice_host table = {
      .size = sizeof(coppice_host),
      .abi_major = COPPICE_ABI_MAJOR,
      .abi_minor = COPPICE_ABI_MINOR,
      .reserved = 0,
      .version_borrowed = COPPICE_VERSION,
      .get_interface = &plain_entry<&get_interface>::call,
      .set_error = &plain_entry<&set_error>::call,
  };
  return &table;
}

std::string_view interface_of(const void* entry) {
  // Each table is a size, four reserved bytes, and pointers to functions up to that size.
  constexpr std::size_t first = 2 * sizeof(std::uint32_t);
  for (const interface_entry& one : all_interfaces()) {
    std::uint32_t size = 0;
    std::memcpy(&size, one.table, sizeof size);
    for (std::size_t at = first; at < size; at += sizeof entry)
      if (std::memcmp(static_cast<const std::uint8_t*>(one.table) + at, &entry, sizeof entry) == 0)
        return one.name;
  }
  return {};
}

std::optional<etf::bytes> term_of(coppice_bytes from_plugin) {
  if (from_plugin.data == nullptr || from_plugin.size == 0) return std::nullopt;
  const etf::bytes all(from_plugin.data, from_plugin.size);
  etf::cursor at(all);
  if (!at.skip() || !at.at_end()) return std::nullopt;
  return all;
}

std::optional<std::string_view> text_of(coppice_bytes from_plugin) {
  if (from_plugin.size > longest_text) return std::nullopt;
  if (from_plugin.size != 0 && from_plugin.data == nullptr) return std::nullopt;
  return whole_text(from_plugin);
}

std::string_view whole_text(coppice_bytes from_plugin) {
  if (from_plugin.data == nullptr) return {};
  return {reinterpret_cast<const char*>(from_plugin.data), static_cast<std::size_t>(from_plugin.size)};
}

std::optional<runtime::destination> destination_of(coppice_actor& self, coppice_bytes term) {
  return destination_of(self.process->host().nodes(), term);
}

// Not inlined, for the reason that runtime/scheduling/driver.cpp gives: a caller that parks may continue on
// another thread and must not keep this thread's table.
[[gnu::noinline]] std::optional<runtime::destination> destination_of(runtime::node_names& names,
                                                                     coppice_bytes term) {
  asm volatile("");
  thread_local recent_destinations recent;
  if (term.data == nullptr) return std::nullopt;
  const etf::bytes bytes(term.data, static_cast<std::size_t>(term.size));
  const std::uint64_t epoch = names.epoch();
  if (const runtime::destination* known = recent.find(bytes, epoch)) return *known;
  auto read = behaviours::read_destination(bytes, names);
  if (read) recent.keep(bytes, epoch, *read);
  return read;
}

std::optional<runtime::pid> pid_of(coppice_actor& self, coppice_bytes term) {
  const auto bytes = term_of(term);
  if (!bytes) return std::nullopt;
  etf::cursor at(*bytes);
  return runtime::read_pid(at, self.process->host().nodes());
}

std::optional<runtime::reference> reference_of(coppice_actor& self, coppice_bytes term) {
  const auto bytes = term_of(term);
  if (!bytes) return std::nullopt;
  etf::cursor at(*bytes);
  return runtime::read_reference(at, self.process->host().nodes());
}

std::string_view status_word(std::int32_t status) {
  return coppice_status_word(status);
}

runtime::message stop_reason(coppice_actor& self, std::int32_t status) {
  coppice_error told;
  if (self.extra != nullptr) std::swap(told, self.extra->error);
  const std::string_view word = status_word(status);
  if (status != COPPICE_STOP && word.empty()) {
    runtime::message_writer out;
    out.tuple(2);
    out.atom("bad_return_value");
    out.integer(status);
    return out.take();
  }
  if (told.reason) return std::move(told.reason);
  if (status == COPPICE_STOP) return runtime::message::atom("normal");
  if (told.text.empty()) return runtime::message::atom(word);
  runtime::message_writer out;
  out.tuple(2);
  out.atom(word);
  out.binary(told.text);
  return out.take();
}

std::string backtrace(const coppice_actor& self, std::int32_t status) {
  if (status != COPPICE_E_EXCEPTION || self.extra == nullptr) return {};
  return to_text(self.extra->error.thrown);
}

bool is_exiting_caught() {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  return type != nullptr && std::string_view(type->name()) == "N7coppice7exitingE";
}

std::int32_t escaped_exception(coppice_actor& actor) {
  // This happens in a plugin whose callbacks are C and whose calls are C++.
  if (is_exiting_caught()) return COPPICE_E_EXITING;
  runtime::message_writer reason;
  reason.tuple(3);
  reason.atom("exception");
  reason.atom("unknown");
  reason.binary("it left the plugin across the C interface");
  coppice_error& error = actor.needs_extra().error;
  error.told = true;
  error.reason = reason.take();
  error.thrown = frames_of_caught();
  return COPPICE_E_EXCEPTION;
}

} // namespace coppice::host
