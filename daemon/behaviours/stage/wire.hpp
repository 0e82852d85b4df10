// SPDX-License-Identifier: MIT
// Reads and writes GenStage's messages. A term that is not exactly such a message goes to the author. A tag
// is any term, compared byte for byte. Any thread.
#pragma once

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/types.hpp>
#include <optional>
#include <string_view>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

// {Pid, Tag}: the other side of a subscription.
struct stage_party {
  runtime::pid pid;
  etf::bytes whole; // {Pid, Tag}
  etf::bytes tag;
};

// {'$gen_producer', {Pid, Tag}, What} or {'$gen_consumer', {Pid, Tag}, What}.
struct stage_message {
  enum class side : std::uint8_t { to_producer, to_consumer };
  enum class kind : std::uint8_t {
    other, // for this side, but not a message of the protocol
    subscribe,
    ask,
    cancel,
    events,
  };
  side to = side::to_producer;
  kind what = kind::other;
  stage_party from{};   // not set for `other`
  etf::bytes content{}; // ask: the number; cancel: the reason; events: the list; subscribe: the options
  etf::bytes current{}; // subscribe: nil | {OldTag, Reason}
};

// Empty: it is for neither side.
std::optional<stage_message> read_stage_message(etf::bytes m, runtime::node_names& names);

// Reads {OldTag, Reason}. False: it has another form.
bool read_current(etf::bytes term, etf::bytes& tag, etf::bytes& reason);

// Reads {'DOWN', Ref, process, _, Reason}.
bool read_down(etf::bytes m, etf::bytes& ref, etf::bytes& reason);

// Makes {bad_opts, <<Text>>}.
runtime::message bad_options(std::string_view text);
// Makes {First, Second}.
runtime::message pair_of(etf::bytes first, etf::bytes second);

// Writes {To, {Self, Tag}, without the third element.
void write_head(etf::writer& out, std::string_view to, const runtime::pid& self, etf::bytes tag,
                const runtime::node_names& names);

} // namespace coppice::behaviours
