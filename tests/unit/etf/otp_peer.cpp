// SPDX-License-Identifier: MIT
// See otp_peer.hpp. The node's answers, by the first byte of a packet:
//   b  the term, encoded again          c  {A, B}: <<A < B, A == B, A =:= B>> with '<', '=', '>' first
//   h  phash2 in three ranges           w  its text by ~tw and by ~tp, with a zero between
//   p  text: the term it is             r  a seed: a list of random terms of every type
//   z  the term, compressed             l  a list of local funs, with and without free variables
#include "otp_peer.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>

extern char** environ;

namespace {

constexpr const char* program = R"(
Port = open_port({fd, 0, 1}, [binary, {packet, 4}]),
Bits = fun(B) -> case B of true -> 1; false -> 0 end end,
Enc = fun(T) -> term_to_binary(T, [{minor_version, 2}]) end,
Atom = fun() -> lists:nth(rand:uniform(7), [ok, '', 'an atom', list_to_atom([1087, 1088]), list_to_atom([233]), list_to_atom(lists:duplicate(255, 1078)), undefined]) end,
Leaf = fun() -> case rand:uniform(15) of
  1 -> rand:uniform(256) - 1; 2 -> rand:uniform(1 bsl 40) - (1 bsl 39); 3 -> (rand:uniform(1 bsl 62) bsl rand:uniform(2200)) * (rand:uniform(2) * 2 - 3);
  4 -> rand:normal() * math:pow(10, rand:uniform(30) - 15); 5 -> Atom(); 6 -> rand:bytes(rand:uniform(30) - 1);
  7 -> N = rand:uniform(60), <<B:N/bitstring, _/bitstring>> = rand:bytes(8), B; 8 -> self(); 9 -> make_ref(); 10 -> hd(erlang:ports());
  11 -> fun lists:map/2; 12 -> X = rand:uniform(9), fun(Y) -> X + Y end; 13 -> lists:seq(1, rand:uniform(300)); 14 -> "text"; 15 -> [] end end,
Term = fun Term(0) -> Leaf(); Term(D) -> N = rand:uniform(5) - 1, case rand:uniform(6) of
  1 -> list_to_tuple([Term(D - 1) || _ <- lists:seq(1, N)]); 2 -> [Term(D - 1) || _ <- lists:seq(1, N)];
  3 -> [Term(D - 1) | Term(D - 1)]; 4 -> maps:from_list([{Term(D - 1), Term(D - 1)} || _ <- lists:seq(1, N)]);
  5 -> maps:from_list([{K, Leaf()} || K <- lists:seq(1, N * 20)]); 6 -> Leaf() end end,
Compiled = fun() ->
  Forms = [begin {ok, Ts, _} = erl_scan:string(F), {ok, Form} = erl_parse:parse_form(Ts), Form end || F <- ["-module(etf_funs).", "-export([all/3]).",
    "all(A, B, C) -> [fun() -> ok end, fun(X) -> X + A end, fun(X, Y) -> {X, Y, A, B, C} end, fun() -> fun() -> {B, C} end end, (fun(X) -> fun() -> {X, A} end end)(C)]."]],
  {ok, Module, Code} = compile:forms(Forms), {module, _} = code:load_binary(Module, "etf_funs", Code),
  Module:all(1, [a, <<"b">>, 1 bsl 70], #{k => 1.5, {self()} => "v"}) end,
Answer = fun(Op, P) -> case Op of
  $l -> X = 5, Enc(Compiled() ++ [fun(Y) -> X + Y end, fun() -> ok end, fun F(0) -> X; F(N) -> F(N - 1) end]);
  $b -> Enc(binary_to_term(P));
  $z -> term_to_binary(binary_to_term(P), [{minor_version, 2}, compressed]);
  $c -> {A, B} = binary_to_term(P), O = if A < B -> $<; A == B -> $=; true -> $> end, <<O, (Bits(A == B)), (Bits(A =:= B))>>;
  $h -> T = binary_to_term(P), <<(erlang:phash2(T)):32, (erlang:phash2(T, 1 bsl 32)):32, (erlang:phash2(T, 1000)):32>>;
  $w -> T = binary_to_term(P), unicode:characters_to_binary([io_lib:format("~tw", [T]), 0, io_lib:format("~tp", [T])]);
  $p -> {ok, Ts, _} = erl_scan:string(unicode:characters_to_list(P) ++ " ."), {ok, T} = erl_parse:parse_term(Ts), Enc(T);
  $r -> rand:seed(exsss, binary_to_integer(P)), Enc([Term(4) || _ <- lists:seq(1, 30)]) end end,
Loop = fun Loop() -> receive {Port, {data, <<Op, P/binary>>}} ->
  R = try Answer(Op, P) catch _:_ -> <<>> end, port_command(Port, R), Loop(); {'EXIT', _, _} -> halt(0) end end,
process_flag(trap_exit, true), Loop().
)";

} // namespace

otp_peer::otp_peer() {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0) return;
  if (pipe2(out, O_CLOEXEC) != 0) return;
  std::signal(SIGPIPE, SIG_IGN);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  const char* const arguments[] = {"erl",   "+S",          "1",     "-noshell", "-noinput",
                                   "-boot", "start_clean", "-eval", program,    nullptr};
  if (posix_spawnp(&pid_, "erl", &actions, nullptr, const_cast<char* const*>(arguments), environ) != 0)
    pid_ = -1;
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  to_ = in[1];
  from_ = out[0];
  if (pid_ > 0 && ask('b', std::string_view("\x83\x6a", 2)).empty()) {
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
}

otp_peer::~otp_peer() {
  if (to_ >= 0) close(to_);
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
  if (from_ >= 0) close(from_);
}

otp_peer::buffer otp_peer::ask(char op, std::string_view payload) {
  return ask(op, coppice::etf::bytes(reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()));
}

otp_peer::buffer otp_peer::ask(char op, coppice::etf::bytes payload) {
  const auto size = static_cast<std::uint32_t>(payload.size() + 1);
  buffer packet = {static_cast<std::uint8_t>(size >> 24), static_cast<std::uint8_t>(size >> 16),
                   static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size),
                   static_cast<std::uint8_t>(op)};
  packet.insert(packet.end(), payload.begin(), payload.end());
  if (!send(packet)) return {};
  return receive().value_or(buffer{});
}

bool otp_peer::send(const buffer& packet) {
  for (std::size_t done = 0; done < packet.size();) {
    const ssize_t count = write(to_, packet.data() + done, packet.size() - done);
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

std::optional<otp_peer::buffer> otp_peer::receive() {
  const auto fill = [this](buffer& to) {
    for (std::size_t done = 0; done < to.size();) {
      const ssize_t count = read(from_, to.data() + done, to.size() - done);
      if (count <= 0) return false;
      done += static_cast<std::size_t>(count);
    }
    return true;
  };
  buffer head(4);
  if (!fill(head)) return std::nullopt;
  buffer body(std::size_t{head[0]} << 24 | std::size_t{head[1]} << 16 | std::size_t{head[2]} << 8 | head[3]);
  if (!fill(body)) return std::nullopt;
  return body;
}
