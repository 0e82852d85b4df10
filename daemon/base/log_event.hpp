// SPDX-License-Identifier: MIT
// Log lines for events of a known kind, so that they can be searched and counted. Each kind has a fixed id:
// systemd's MESSAGE_ID in the journal (`journalctl MESSAGE_ID=…`), message_id in JSON. Its fields repeat what
// the text says; the text sink writes the text alone. Any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.hpp"

namespace coppice::base::log {

inline constexpr std::string_view event_field = "message_id";

struct event {
  const char* name;
  const char* id; // 128 random bits as 32 hexadecimal digits
};

namespace events {
inline constexpr event child_ended{"child_ended", "f8dc6c4544fd40c285bcb672bf8aab93"};
inline constexpr event process_ended{"process_ended", "a4dcd47c02d34b958844db95e8fd9b2f"};
inline constexpr event child_not_started{"child_not_started", "659cb48f35d94a8cbd01ebbaa69793b8"};
inline constexpr event child_parked{"child_parked", "0a3bb856c0c84c08b5ed5438d41d800a"};
inline constexpr event child_killed{"child_killed", "f6019024003e41fb8d88c8e2d59e5071"};
inline constexpr event child_stopped_badly{"child_stopped_badly", "ce60030ccf8a4f9f8afcdb0014d9490d"};
inline constexpr event supervisor_gave_up{"supervisor_gave_up", "381d55d6a79946e589a7c2b5219b4cd0"};
inline constexpr event connected{"connected", "20928c239e844c0fb1f0fb051c0545b9"};
inline constexpr event disconnected{"disconnected", "04e05d40e4914ff3a6c87e3c6307b03f"};
inline constexpr event not_connected{"not_connected", "5704ccdfdbe847e3893a5c33e37c0d2f"};
inline constexpr event reloaded{"reloaded", "2f07b79883ff4db2ad4f974db371abb7"};
inline constexpr event reload_refused{"reload_refused", "9b1efb41854944328dd79a660dcc1f46"};
inline constexpr event applied{"applied", "fec6c7dbb96240528c698245e3ad1117"};
inline constexpr event apply_refused{"apply_refused", "bb42e1734ffd450aa333995d3d2b9910"};
inline constexpr event certificate_ends{"certificate_ends", "5867233160c7421fb248dff6ad14e09c"};
inline constexpr event job_failed{"job_failed", "e2ad8f56aed2728241209150c58fc05d"};
inline constexpr event application_started{"application_started", "3f0e9e6b4c1745a2a7d05c8cf3f2be41"};
inline constexpr event application_ended{"application_ended", "b6a1c6a2f5d84e0f9d1c70c44bb5a7d3"};
inline constexpr event asked_by_operator{"asked_by_operator", "2c7456d5b1a94b9b9e9d5295a5753949"};
inline constexpr event mailbox_full{"mailbox_full", "f43280f8508839ca33a602869f542d56"};
inline constexpr event pool_full{"pool_full", "4e1dcaf499fa0f6dc5c7b4ca7320707a"};
inline constexpr event event_lost{"event_lost", "a7db1903f9f8675fd86e1f8e06af3f69"};
inline constexpr event memory_scarce{"memory_scarce", "0961b63139edb9fa9caafca480b1844f"};
} // namespace events

// Called for every event, whether or not its line is shown, on the thread where it happens. May neither wait
// nor log.
using event_listener =
    std::function<void(const event& of, const std::vector<field>& fields, const std::string& text)>;
// Replaces the former listener. When this returns, no call of the former one is under way. Empty: none.
void set_event_listener(event_listener hears);
bool has_event_listener();
void tell_listener(const event& of, const std::vector<field>& fields, const std::string& text);

// As write(), for an event.
template <class... Arguments>
void tell(event of, level at, std::string_view module, std::vector<field> fields,
          fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  const bool is_shown = enabled(at, module);
  if (!is_shown && !has_event_listener()) return;
  formatted said = bounded_text(text, fmt::make_format_args(arguments...));
  tell_listener(of, fields, said.with_note());
  if (!is_shown) return;
  fields.insert(fields.begin(), {std::string(event_field), of.id});
  submit(record_of(at, module, std::move(said), std::move(fields)));
}

// Whether a line is of an event.
inline bool is_event(const record& line) {
  return !line.fields.empty() && line.fields.front().name == event_field;
}

} // namespace coppice::base::log
