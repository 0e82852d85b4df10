// SPDX-License-Identifier: MIT
// Reads the event's map and writes its fields line by line. Any thread.
#include "behaviours/web/event_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <coppice/etf/cursor.hpp>

#include "base/ascii.hpp"
#include "behaviours/web/iodata.hpp"

namespace coppice::behaviours {
namespace {

base::error malformed(std::string_view what) {
  return {base::errc::invalid, fmt::format("an event: {}", what)};
}

// Every line end of the standard (CR, LF, CR LF) begins another field.
void add_lines(std::string& out, std::string_view data) {
  for (;;) {
    const std::size_t end = data.find_first_of("\r\n");
    out += "data: ";
    out += data.substr(0, end);
    out += '\n';
    if (end == data.npos) return;
    const bool both = data[end] == '\r' && end + 1 < data.size() && data[end + 1] == '\n';
    data.remove_prefix(end + (both ? 2 : 1));
  }
}

struct parts {
  std::optional<std::string> data, name, id;
  std::optional<std::uint64_t> retry;
};

base::result<parts> read(etf::cursor& at) {
  constexpr std::uint64_t longest_retry = 24ull * 3'600'000;
  std::uint32_t count = 0;
  if (!at.read_map(count)) return unexpected(malformed("it is no map"));
  parts out;
  for (; count != 0; --count) {
    std::string_view key;
    if (!at.read_atom(key)) return unexpected(malformed("a key is no atom"));
    if (key == "retry") {
      std::uint64_t ms = 0;
      if (!at.read_unsigned(ms) || ms > longest_retry)
        return unexpected(malformed("retry is no time up to a day"));
      out.retry = ms;
      continue;
    }
    std::optional<std::string>* const part = key == "data"    ? &out.data
                                             : key == "event" ? &out.name
                                             : key == "id"    ? &out.id
                                                              : nullptr;
    if (part == nullptr) return unexpected(malformed(fmt::format("it has no {}", key.substr(0, 50))));
    if (!read_iodata(at, part->emplace())) return unexpected(malformed(fmt::format("{} is no iodata", key)));
  }
  if (!out.data) return unexpected(malformed("it has no data"));
  for (const auto* one : {&out.name, &out.id})
    if (*one && (*one)->find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return unexpected(malformed("its name or id has a line's end"));
  return out;
}

} // namespace

bool is_event(etf::bytes message) {
  etf::cursor at(message);
  return at.read_tuple_of(2) && at.read_atom_is("http_event");
}

base::result<std::optional<std::string>> event_text(etf::bytes message) {
  etf::cursor at(message);
  if (!at.read_tuple_of(2) || !at.read_atom_is("http_event"))
    return unexpected(malformed("it is no {http_event, Event}"));
  if (at.read_atom_is("close")) return std::optional<std::string>();
  auto event = read(at);
  if (!event) return unexpected(std::move(event.error()));
  std::string out;
  if (event->name) out += fmt::format("event: {}\n", *event->name);
  if (event->id) out += fmt::format("id: {}\n", *event->id);
  if (event->retry) out += fmt::format("retry: {}\n", *event->retry);
  add_lines(out, *event->data);
  return std::optional<std::string>(out + '\n');
}

std::string retry_text(base::nanos wait) {
  return fmt::format("retry: {}\n\n", wait / base::nanos_per_ms);
}

bool takes_events(const net::http_request& asked) {
  const std::string listed = base::ascii_lower(asked.list("accept").value_or("*/*"));
  const auto takes = [&listed](std::string_view type) { return listed.find(type) != std::string::npos; };
  return takes(event_stream_type) || takes("text/*") || takes("*/*");
}

} // namespace coppice::behaviours
