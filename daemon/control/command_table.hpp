// SPDX-License-Identifier: MIT
// The table of the node's commands: the name of each, whether it acts, which right it needs and which
// arguments it takes. The control socket's dispatch is made from it, and /api/v1/COMMAND and its OpenAPI
// document are made from the rows that are there over HTTP. A command that both shows and acts has a row for
// each. Constant; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "control/asked.hpp"
#include "spec/node_spec.hpp"

namespace coppice::control {

enum class verb : std::uint8_t { get, post };
using right = spec::http_right;

enum class argument_type : std::uint8_t { text, number, flag };

struct argument {
  std::string_view name;
  argument_type type = argument_type::text;
  bool needed = false;
  std::string_view about{};
  std::span<const std::string_view> words{}; // of a text: the words it can be; empty: any
  std::uint64_t usual = 0; // of a number: its value over HTTP where it is not given; 0: none
  std::uint64_t most = 0;  // of a number: its largest value over HTTP, a larger one is refused; 0: any
  std::uint64_t least = 0; // of a number: its smallest value over HTTP, a smaller one is refused
};

struct command {
  std::string_view name;
  verb how = verb::get;
  right needs = right::inspect;
  const char* subject = nullptr; // the argument that an error names beside the command; null: none
  pending (*run)(const request&) = nullptr;
  std::string_view about{};
  // The arguments over HTTP; the control socket's clients may give paths as well.
  std::span<const argument> arguments{};
  bool over_http = true; // false: only for clients of the control socket
};

std::span<const command> commands();

// The command of that name and verb; null: none.
const command* find_command(std::string_view name, verb how);
// The command of that name, whatever its verb; null: none. may_act(): whether it can act in any of its
// forms.
const command* find_command(std::string_view name);
bool may_act(std::string_view name);

} // namespace coppice::control
