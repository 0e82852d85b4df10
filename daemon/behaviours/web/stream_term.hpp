// SPDX-License-Identifier: MIT
// Messages about a request between the connection's process (Client) and the process that works on it.
// {Client, Number} names the request; Number counts Client's requests, and both are in the request's map. If
// the route says `body: streamed`, the map has this pair as stream, and body => streamed if a body follows. A
// process that reads the body or writes the answer names itself by {Pid, Tag}, Tag being any term of its
// choice. To Client:
//   {http_body, {Client, Number}, {more, {Pid, Tag}, Bytes}}     send Pid so much more of the body
//   {http_answer, {Client, Number}, {data, iodata}} | {http_answer, {Client, Number}, {last, iodata}}
//   {http_watch, {Client, Number}, {Pid, Tag}}     tell Pid if the answer is no longer wanted
// To Pid: {http_body, Tag, {data, Binary}} | {http_body, Tag, {last, Binary}}
//   {http_answer, Tag, {more, Bytes}}     so much more may be sent
//   {http_aborted, Tag, Reason}     the answer is not wanted and the bodies go no further; the last message
// The call's answer begins a streamed one: request_term.hpp. Pure; any thread.
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

// Names a request: its connection's process, and its number there.
struct stream_id {
  runtime::pid client;
  std::uint64_t request = 0;
};
void write(runtime::message_writer& out, const stream_id& id, const runtime::node_names& names);

// The process that reads or writes a body, and the tag that it chose.
struct stream_place {
  runtime::pid by;
  runtime::message tag;
  bool operator==(const stream_place&) const = default;
};
// `term` is a part of `whole`. Nothing: it is no {Pid, Tag}.
std::optional<stream_place> read_place(etf::bytes term, const runtime::message& whole,
                                       runtime::node_names& names);

runtime::message stream_data(const stream_place& to, std::string_view part, bool last);
runtime::message stream_more(const stream_place& to, std::size_t bytes);
runtime::message stream_aborted(const stream_place& to, std::string_view reason);

// Whether `message` begins like a message to a connection's process.
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

// Nothing: it is about another request. errc::invalid: it is malformed; the text says why.
base::result<std::optional<stream_order>> read_stream_order(const runtime::message& m, const stream_id& id,
                                                            runtime::node_names& names);

} // namespace coppice::behaviours
