// SPDX-License-Identifier: MIT
// Makes requests of another node, of any size, for each row of the services' tables and for each function of
// rpc that reads its arguments. Tests send them to a node and count the steps that they cost. The sender's
// thread.
#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "behaviours/gen/peer_requests.hpp"
#include "whole_node.hpp"

namespace coppice::test {

// A row of a service's table.
struct taken_request {
  std::string service; // its registered name
  behaviours::peer_request row;
};

// The term that `write` writes.
template <std::invocable<runtime::message_writer&> Write>
runtime::message term(Write write) {
  runtime::message_writer out;
  write(out);
  return out.take();
}

// Makes the parts of a well-formed request. `any` is used where any term may stand, and lists have `many`
// elements.
struct request_parts {
  node_and_peer& on;
  const runtime::message& any;
  std::size_t many = 1;
  behaviours::gen::request::kind form = behaviours::gen::request::kind::info;

  using element = std::function<void(etf::writer& out, std::size_t i)>;

  // A process of the peer; another one for each `i`.
  void write_pid(etf::writer& out, std::size_t i) const;
  runtime::message asker() const;
  runtime::message tuple(std::initializer_list<runtime::message> elements) const;
  // A list of `many` elements, which `write` writes for 0, 1, 2, …
  runtime::message list(const element& write) const;
  runtime::message one(const runtime::message& element) const; // a list of this element
  void write_key(etf::writer& out, std::size_t i) const;       // {key, I}; `any` if there is only one
  runtime::message pids() const;
  runtime::message keys() const;
  runtime::message nodes() const;
  void write_named_process(etf::writer& out, std::size_t i) const; // {Name, Pid, Method}
  runtime::message changes() const;                                // [{insert, {Name, Pid, Method}}]
  static runtime::message node();                                  // the peer's name
};

// The state that a session of global must have before the request is read.
enum class session { none, begun, exchanged };

using request_fields = std::vector<runtime::message>;

struct request_example {
  std::string_view service;
  std::string_view what;
  // Makes the elements after the request's name. Null: the request is its name alone.
  std::function<request_fields(const request_parts&)> make;
  session needs = session::none;
  std::string_view about = ""; // distinguishes the examples of one request
};

const std::vector<request_example>& request_examples();

// The examples of that row. Empty: there are none yet.
std::vector<request_example> examples_of(const taken_request& of);

// The request without its envelope.
runtime::message bare_request(node_and_peer& on, const taken_request& of, const request_fields& given);
// The request in its envelope, as the peer sends it to the service.
runtime::message whole_request(node_and_peer& on, const taken_request& of, const request_fields& given);

} // namespace coppice::test
