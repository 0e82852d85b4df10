// SPDX-License-Identifier: MIT
// A request that a process is at work on, as messages. {Client, Number} is which: client and number of its
// map, the connection's process and which of its requests it is. The map of one whose route says `body:
// streamed` has it as stream, and body => streamed where a body comes. A process reads it, or writes the
// answer's, as a place {Pid, Tag}, Tag being any term by which it knows what is meant. What Client is sent:
//   {http_body, {Client, Number}, {more, {Pid, Tag}, Bytes}}     so much more of the body is to come to Pid
//   {http_answer, {Client, Number}, {data, iodata}} | {http_answer, {Client, Number}, {last, iodata}}
//   {http_watch, {Client, Number}, {Pid, Tag}}       Pid is to be told if nobody waits for the answer any
//   more
// What comes to Pid:
//   {http_body, Tag, {data, Binary}} | {http_body, Tag, {last, Binary}}
//   {http_answer, Tag, {more, Bytes}}     so much more may be sent
//   {http_aborted, Tag, Reason}           nobody waits for the answer, nor sends or takes the rest; the last
//                                         message of it
// The answer of the call begins one that streams: request_term.hpp. Pure; any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

// Which request of which connection.
struct stream_id {
  runtime::pid client;
  std::uint64_t request = 0;
};
void write(runtime::message_writer& out, const stream_id& id, const runtime::node_names& names);

// Who reads or writes a body, and as what.
struct stream_place {
  runtime::pid by;
  runtime::message tag;
  bool operator==(const stream_place&) const = default;
};
// `term`: of `whole`.
std::optional<stream_place> read_place(etf::bytes term, const runtime::message& whole,
                                       runtime::node_names& names);

runtime::message stream_data(const stream_place& to, std::string_view part, bool last);
runtime::message stream_more(const stream_place& to, std::size_t bytes);
runtime::message stream_aborted(const stream_place& to, std::string_view reason);

// Whether it begins as one of those that a connection's process is sent.
bool is_stream_order(etf::bytes message);

struct stream_wish {
  stream_place reader;
  std::uint64_t bytes = 0;
};
struct stream_part {
  std::string data;
  bool last = false;
};
struct stream_watch {
  stream_place by;
};
using stream_order = std::variant<stream_wish, stream_part, stream_watch>;

// Nothing: it is about another request. errc::invalid: it is none; the text says why.
base::result<std::optional<stream_order>> read_stream_order(const runtime::message& m, const stream_id& id,
                                                            runtime::node_names& names);

} // namespace coppice::behaviours
