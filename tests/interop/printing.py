#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""io:format to `user` of our node prints the same as io_lib:format on the Erlang node, for random terms."""
import base64
import os
import re

from harness.erlang import Erl
from harness.node import Node
from harness.tap import check, contains, equal, run, test

seed = int(os.environ.get("COPPICE_SEED", "1"))
rounds = int(os.environ.get("COPPICE_ROUNDS", "600"))

# Terms that every node writes alike: no pids, funs or references, whose numbers differ between nodes.
TERMS = r"""
Chars = fun(Most, N) -> [rand:uniform(Most) || _ <- lists:seq(1, rand:uniform(N) - 1)] end,
Texts = fun() -> lists:nth(rand:uniform(6), ["", "abc", "a~b\\\"'\n\e\t", [228, 246, 228], "x\x{400}y", [1, 2, 3]]) end,
Leaf = fun() -> case rand:uniform(11) of
    1 -> rand:uniform(300) - 150;
    2 -> (rand:uniform(1 bsl 60) bsl rand:uniform(200)) * (1 - 2 * (rand:uniform(2) - 1));
    3 -> (rand:uniform() - 0.5) * math:pow(10, rand:uniform(50) - 25);
    4 -> float(rand:uniform(100000));
    5 -> lists:nth(rand:uniform(11), [ok, 'A b', 'end', '', a@b_1, 'hello world', 'it\'s', 'x-y', undefined, '\x{e4}', '\x{400}']);
    6 -> Texts();
    7 -> unicode:characters_to_binary(Texts());
    8 -> list_to_binary(Chars(255, 12));
    9 -> Chars(255, 12);
    10 -> <<5:3>>;
    11 -> [] end end,
Term = fun T(D) -> case D > 0 andalso rand:uniform(7) of
    1 -> [T(D - 1) || _ <- lists:seq(1, rand:uniform(4))];
    2 -> list_to_tuple([T(D - 1) || _ <- lists:seq(1, rand:uniform(4) - 1)]);
    3 -> [T(D - 1), T(D - 1) | Leaf()];
    4 -> maps:from_list([{rand:uniform(50), T(D - 1)} || _ <- lists:seq(1, rand:uniform(3) - 1)]);
    5 -> "text" ++ [T(D - 1)];
    _ -> Leaf() end end, ok
"""
# {format for our node, format for io_lib here, arguments}. The formats differ only where ours prints ~p in one line.
# No value for ~f lies exactly between two printable ones: OTP rounds those away from zero, ours to the even digit.
FORMATS = r"""
Kinds = [
    {"~p", "~0p", fun() -> [Term(4)] end}, {"~tp", "~0tp", fun() -> [Term(4)] end},
    {"~lp", "~0lp", fun() -> [Term(3)] end}, {"~ltp", "~0ltp", fun() -> [Term(3)] end},
    {"~w", "~w", fun() -> [Term(4)] end}, {"~tw", "~tw", fun() -> [Term(4)] end},
    {"~w and ~w", "~w and ~w", fun() -> [rand:uniform(200), rand:uniform(200)] end},
    {"~12w|~-12w|~12.5w|~12.*.0w", "~12w|~-12w|~12.5w|~12.*.0w", fun() -> [Leaf(), Leaf(), Leaf(), 7, Leaf()] end},
    {"~s|~10s|~-10s|~.3s|~10.3s|~10.10.+s|~-8.4._s", "~s|~10s|~-10s|~.3s|~10.3s|~10.10.+s|~-8.4._s",
        fun() -> [lists:nth(rand:uniform(6), ["", "abc", <<"abcdefghijklmno">>, [228, [<<"xyz">>], "q" | <<"tail">>], atom, "0123456789"])
                  || _ <- lists:seq(1, 7)] end},
    {"~ts|~12ts", "~ts|~12ts", fun() -> [lists:nth(rand:uniform(3), ["x\x{400}y", <<"\x{e4}\x{400}"/utf8>>, '\x{400}']) || _ <- [1, 2]] end},
    {"~b ~10b ~-10b| ~4b", "~b ~10b ~-10b| ~4b", fun() -> [rand:uniform(1 bsl 80) - (1 bsl 79) || _ <- lists:seq(1, 4)] end},
    {"~.16b ~.2+ ~x", "~~.16b(~w) ~~.2+(~w) ~~x(~w)(~w)", fun() -> Any = fun() -> rand:uniform(100000) - 50000 end, [Any(), Any(), Any(), pre] end},
    {"~f ~.1f ~.3f ~12f ~20.4f ~-20.2f| ~5.2f", "~f ~.1f ~.3f ~12f ~20.4f ~-20.2f| ~5.2f",
        fun() -> [(rand:uniform(2000001) - 1000001) / lists:nth(rand:uniform(3), [1, 7, 7.0e9]) || _ <- lists:seq(1, 7)] end},
    {"~c~3c~5.2c|~tc~i~~~3~", "~c~3c~5.2c|~tc~i~~~3~", fun() -> [$a, $b, $c, 16#400, ignored] end}], ok
"""


@test("what io:format prints here is what io_lib:format makes of it there")
def same(cleanup):
    node = Node(cleanup, settings=[("distribution.allow", "{ rpc: [ info ] }"), ("node.log.rate.per_source", "unlimited")])
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl(f"N = '{node.name}', pong = net_adm:ping(N), U = rpc:call(N, erlang, whereis, [user]), rand:seed(exsss, {seed})")
    equal(erl(TERMS), "ok")
    equal(erl(FORMATS), "ok")
    # `user` prints text as text; of control characters it prints only line feeds and tabs.
    made = erl(f"[begin {{Ours, Theirs, Args}} = lists:nth(I rem length(Kinds) + 1, Kinds), A = Args(),"
               " ok = io:format(U, \"@~b@\" ++ Ours ++ \"@\", [I | A]),"
               " base64:encode_to_string(unicode:characters_to_binary(io_lib:format(Theirs, A))) end"
               f" || I <- lists:seq(1, {rounds})]")
    expected = [base64.b64decode(each).decode() for each in re.findall(r'"([^"]*)"', made)]
    equal(len(expected), rounds, made[:500])
    node.said(f"@{rounds}@", "the last one in the log", seconds=30)
    printed = dict(re.findall(r"@(\d+)@(.*?)@$", node.log(), re.M))
    wrong = [(number, text, printed.get(str(number))) for number, text in enumerate(expected, 1)
             if printed.get(str(number)) != text]
    check(not wrong, f"seed {seed}: number, right, printed: {len(wrong)} of {rounds}", *wrong[:8])


@test("a control sequence that is not known here is printed as it stands, with its values")
def unknown(cleanup):
    node = Node(cleanup, settings=[("distribution.allow", "{ rpc: [ info ] }")])
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl(f"N = '{node.name}', pong = net_adm:ping(N), U = rpc:call(N, erlang, whereis, [user])")
    equal(erl('io:format(U, "one ~e, ~W and ~p", [1.5, {a}, 9, done])'), "ok")
    node.said("one ~e(1.5), ~W({a})(9) and done", "the rest is printed as ever")


@test("what cannot be formatted is printed as format and arguments, and what is very long is cut")
def others(cleanup):
    node = Node(cleanup, settings=[("distribution.allow", "{ rpc: [ info ] }")])
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl(f"N = '{node.name}', pong = net_adm:ping(N), U = rpc:call(N, erlang, whereis, [user])")
    erl("Put = fun(F, A) -> U ! {io_request, self(), x, {put_chars, unicode, io_lib, format, [F, A]}},"
        " receive {io_reply, x, R} -> R after 20000 -> none end end")
    for what in ('"two ~w", []', '"three ~w", [1, 2]', '"four ~s", [1.5]', '"five ~10000w", [1]', '"six ~", []',
                 '"eight ~s", [[16#400]]', '"nine ~b", [a]', '"ten ~3.4c", [$a]',
                 '"eleven ~5..*w", [-1, a]', '"twelve ~ts", [[16#D800]]', '"thirteen", nothing'):
        equal(erl(f"Put({what})"), "ok")
        word = re.search(r'"(\w+)', what)[1]
        node.said(f'["{word}', f"{what} in the log")
    equal(erl('Put("long ~w", [lists:duplicate(1000000, 1000)])'), "ok")
    node.said("long [1000,1000", "the beginning of it")
    equal(erl('Put("deep ~p", [lists:foldl(fun(_, A) -> {A} end, x, lists:seq(1, 5000))])'), "ok")
    node.said("deep {{{{", "the beginning of it")
    contains(erl("rpc:call(N, erlang, whereis, [user])"), "<")
    check(len(node.log()) < 200_000, "the log is short", len(node.log()))


if __name__ == "__main__":
    run()
