// SPDX-License-Identifier: MIT
// "coppice.log/1" over the logger: a plugin's lines use its id as module name and have the actor's pid and
// name as fields. Any thread.
#include <algorithm>

#include "base/log.hpp"
#include "base/log_levels.hpp"
#include "host/boundary/entry.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"

namespace coppice::host {
namespace {

namespace log = base::log;

constexpr std::uint64_t most_fields = 32;

log::level level_of(std::int32_t level) {
  switch (level) {
    case COPPICE_LOG_ERROR:
      return log::level::error;
    case COPPICE_LOG_WARNING:
      return log::level::warning;
    case COPPICE_LOG_INFO:
      return log::level::info;
    default:
      return log::level::debug;
  }
}

std::string_view module_of(coppice_actor* self) {
  return may_look(self) == COPPICE_OK ? std::string_view(self->image->id()) : std::string_view("plugin");
}

// A level of the process itself, if set, has precedence over its module's.
bool is_enabled(coppice_actor* self, log::level of) {
  if (log::any_process_level() && may_look(self) == COPPICE_OK) {
    const auto own = log::process_level(
        runtime::to_text(self->process->self(), self->process->host().nodes()), self->process->name());
    if (own) return of >= *own;
  }
  return log::enabled(of, module_of(self));
}

void write(coppice_actor* self, std::int32_t level, coppice_bytes text, const coppice_log_field* fields,
           std::uint64_t field_count) {
  if (!is_enabled(self, level_of(level))) return;
  log::record line;
  line.wall = base::wall_now();
  line.level = level_of(level);
  line.module = module_of(self);
  line.text = whole_text(text);
  if (may_look(self) == COPPICE_OK) {
    line.fields.push_back({"pid", runtime::to_text(self->process->self(), self->process->host().nodes())});
    if (auto name = self->process->name(); !name.empty()) line.fields.push_back({"name", std::move(name)});
  }
  const std::uint64_t count = fields == nullptr ? 0 : std::min(field_count, most_fields);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto name = text_of(fields[i].name);
    if (!name || name->empty()) continue;
    std::string value;
    if (fields[i].text.data != nullptr) {
      value = whole_text(fields[i].text);
    } else if (const auto term = term_of(fields[i].term)) {
      value = runtime::shown(*term);
    }
    line.fields.push_back({std::string(*name), std::move(value)});
  }
  log::submit(std::move(line));
}

std::int32_t enabled(coppice_actor* self, std::int32_t level) {
  return is_enabled(self, level_of(level)) ? 1 : 0;
}

} // namespace

const coppice_log_api* log_interface() {
  static const coppice_log_api table = {
      .size = sizeof(coppice_log_api),
      .reserved = 0,
      .write = &entry<&write, marked::any>::call,
      .enabled = &entry<&enabled, marked::any>::call,
  };
  return &table;
}

} // namespace coppice::host
