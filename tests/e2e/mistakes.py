#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mistakes in a plugin's class are the first error of the compiler, in a sentence with the remedy: each row is a class
and its sentence. Correct classes compile, however unusual."""
import pathlib
import re

from harness.node import root
from harness.sdk import installed, needs, shell, working_folder
from harness.tap import check, contains, equal, run, test

HEAD = """#include <coppice/server.hpp>
#include <coppice/stage.hpp>
#include <coppice/statem.hpp>
#include <coppice/tcp.hpp>
#include <coppice/udp.hpp>
#include <coppice/web.hpp>
using namespace std::chrono_literals;
using coppice::term;
struct put { std::int64_t key, value; };
struct get { std::int64_t key; };
"""
CALL = "bool handle_call(const put&) { return true; } "
BASE = "class shop : public coppice::server { public: "

# (the mistake, the source, the first error)
MISTAKES = [
    ("a private handler", "class shop : public coppice::server { bool handle_call(const put&) { return true; } };",
     "nothing can call handle_call of this class: make it public"),
    ("a protected cast", BASE + CALL + "protected: void handle_cast(const put&) {} };",
     "nothing can call handle_cast of this class: make it public"),
    ("overloads without their list", BASE + CALL + "bool handle_call(const get&) { return true; } };",
     "where it is overloaded or a template list its messages: using calls = std::variant<first, second>;"),
    ("a template without its list", BASE + "template <class M> void handle_info(const M&) {} };",
     "where it is overloaded or a template list its messages: using infos = std::variant<first, second>;"),
    ("a list without the handler", BASE + CALL + "using casts = std::variant<put, get>; };",
     "this class lists casts and has no handle_cast for them"),
    ("a message that no overload takes", BASE + CALL + "using calls = std::variant<put, get>; };",
     "a message of `calls` is taken by no public handle_call(const M&) of this class"),
    ("a listed handler that is private", BASE + "using infos = std::variant<put, get>; "
     "private: void handle_info(const put&) {} void handle_info(const get&) {} };",
     "a message of `infos` is taken by no public handle_info(const M&) of this class"),
    ("a message by reference", BASE + "bool handle_call(put&) { return true; } };",
     "handle_call is declared otherwise than it is called: auto handle_call(const M&), or (const M&, coppice::term"),
    ("a handler without a message", BASE + "bool handle_call() { return true; } };",
     "handle_call is declared otherwise than it is called"),
    ("gen_server's three arguments", BASE + "bool handle_call(const put&, term, int) { return true; } };",
     "handle_call is declared otherwise than it is called"),
    ("a cast with a sender", BASE + "void handle_cast(const put&, term) {} };",
     "handle_cast is declared otherwise than it is called: void handle_cast(const M&)"),
    ("a static handler", BASE + "static bool handle_call(const put&) { return true; } };",
     "handle_call is declared otherwise than it is called"),
    ("a call that nobody could answer", BASE + "void handle_call(const put&) {} };",
     "a handle_call of this class neither replies nor is given whom to reply to"),
    ("one of several", BASE + "using calls = std::variant<put, get>; bool handle_call(const put&) { return true; } "
     "coppice::no_reply handle_call(const get&) { return {}; } };",
     "a handle_call of this class neither replies nor is given whom to reply to"),
    ("a message that cannot be made empty", "struct key { explicit key(int); };\n"
     + BASE + "void handle_cast(const key&) {} };",
     "a message is made empty and then read: give its type a constructor that takes nothing"),
    ("a final class", "class shop final : public coppice::server { public: " + CALL + "};",
     "an actor's class is not final"),
    ("a private base", "class shop : coppice::server { public: " + CALL + "};",
     "an actor's class derives publicly: class name : public coppice::server"),
    ("no base", "class shop { public: " + CALL + "};", "derives from its behaviour's: class name : public coppice"),
    ("an abstract class", BASE + CALL + "virtual int price() = 0; };", "an actor's class is not abstract"),
    ("a constructor with arguments", BASE + "explicit shop(int) {} " + CALL + "};",
     "an actor is made without arguments"),
    ("a class with nothing in it", "class shop : public coppice::server {};",
     "this class has nothing that a server does: give it a public handle_call"),
    ("an overloaded init", BASE + CALL + "void init() {} void init(const put&) {} };",
     "nothing can call init of this class: make it public, and one function"),
    ("a private terminate", BASE + CALL + "private: void terminate(term) {} };", "nothing can call terminate"),
    ("a save_state that is not const", BASE + CALL + "int save_state() { return 1; } };",
     "save_state is declared otherwise than it is called: S save_state() const"),
    ("a restore_state of three values", BASE + CALL + "void restore_state(std::uint32_t, const int&, const int&) {} };",
     "restore_state is declared otherwise than it is called: void or bool restore_state(const S&), or"),
    ("a config_change of one", BASE + CALL + "coppice::outcome config_change(term) { return {}; } };",
     "config_change is declared otherwise than it is called"),
    ("an on_response without the tag", BASE + "void on_response(std::uint64_t, const coppice::answer&) {} };",
     "on_response is declared otherwise than it is called"),
]
# Mistakes in types of messages, and in states.
VARIANT = "using calls = std::variant<put, get>; bool handle_call(const put&) { return true; } "
MISTAKES += [
    ("a pointer in a message", "struct key { const char* name; };\n" + BASE + "void handle_cast(const key&) {} };",
     "a pointer in a message, arguments or a state has no term: use std::string"),
    ("a fine duration in a message", "struct key { std::chrono::microseconds age; };\n" + BASE + "void handle_cast(const key&) {} };",
     "a duration in a message, arguments or a state is written in milliseconds, and this one may have a fraction"),
    ("a char in a message", "struct key { char letter; };\n" + BASE + "void handle_cast(const key&) {} };",
     "a char in a message, arguments or a state is neither a text nor a number: use std::string"),
    ("a list of chars", BASE + "void handle_cast(const std::vector<char>&) {} };",
     "a char in a message, arguments or a state is neither a text nor a number"),
    ("a constructor of a message", "struct key { key() {} int at = 0; };\n" + BASE + "void handle_cast(const key&) {} };",
     "a class that cannot be read from a term: an aggregate has public members, no constructor"),
    ("a constructor of a part of a message", "struct part { part() {} };\nstruct key { std::vector<part> all; };\n"
     + BASE + "void handle_cast(const key&) {} };", "a class that cannot be read from a term"),
    ("a base of a message", "struct id { int at; }; struct key : id { int more; };\n" + BASE + "void handle_cast(const key&) {} };",
     "a struct in a message, arguments or a state has a base class, whose members are not read"),
    ("an array in a message", "struct key { int at; char name[8]; };\n" + BASE + "void handle_cast(const key&) {} };",
     "a struct in a message, arguments or a state has a C array: use std::array"),
    ("33 members of a message", "struct key { int " + ", ".join(f"m{i}" for i in range(33)) + "; };\n"
     + BASE + "void handle_cast(const key&) {} };", "a struct in a message, arguments or a state has more than 32 members"),
    ("enumerators from 64 on", "enum class big { a, b = 64 }; struct key { big what; };\n" + BASE + "void handle_cast(const key&) {} };",
     "an enumeration in a message, arguments or a state has an enumerator that is no atom"),
    ("two messages of the same term", "namespace v1 { struct get { int at; }; }\n" + BASE
     + "using calls = std::variant<get, v1::get>; int handle_call(const get&) { return 1; } int handle_call(const v1::get&) { return 2; } };",
     "an alternative of a std::variant can never be reached, since one before it takes every term that it takes"),
    ("a message behind one that takes all", BASE + "using infos = std::variant<term, put>; "
     "void handle_info(const term&) {} void handle_info(const put&) {} };",
     "an alternative of a std::variant can never be reached"),
    ("a hidden alternative in a message", "struct key { std::variant<std::string, coppice::etf::bytes> name; };\n"
     + BASE + "void handle_cast(const key&) {} };", "an alternative of a std::variant can never be reached"),
    ("a handler that is not listed", BASE + VARIANT + "bool handle_call(const get&) { return true; } "
     "bool handle_call(const std::string&) { return true; } };",
     "this class has a handle_call for a message that `calls` does not list, so it is never called"),
    ("two handlers that are not listed", BASE + "using casts = put; void handle_cast(const put&) {} "
     "void handle_cast(const get&) {} void handle_cast(const std::string&) {} };",
     "this class has a handle_cast for a message that `casts` does not list"),
    ("save_state alone", BASE + CALL + "int save_state() const { return 1; } };",
     "this class has save_state and no restore_state, so a reload would begin anew and lose the state"),
    ("restore_state alone", BASE + CALL + "void restore_state(const int&) {} };",
     "this class has restore_state and no save_state, so there is nothing to restore"),
    ("a state that restore_state cannot read", BASE + CALL + "put save_state() const { return {}; } "
     "void restore_state(const get&) {} };", "restore_state of this class takes no term that save_state makes"),
    ("a state chosen by its looks", BASE + CALL + "put save_state() const { return {}; } "
     "void restore_state(std::uint32_t, const std::variant<put, get>&) {} };",
     "restore_state of this class takes a std::variant, which chooses by what a state looks like"),
    ("overloads of restore_state without numbers", BASE + CALL + "put save_state() const { return {}; } "
     "void restore_state(const put&) {} void restore_state(const get&) {} };",
     "nothing can call restore_state of this class: make it public, and no template; where it is overloaded, each takes the version's number"),
    ("no restore_state for the class's own version", BASE + CALL + "static constexpr std::uint32_t state_version = 3; put save_state() const { return {}; } "
     "void restore_state(coppice::version<1>, const put&) {} void restore_state(coppice::version<2>, const put&) {} };",
     "no restore_state of this class reads the version that its save_state writes"),
    ("a version by reference", BASE + CALL + "put save_state() const { return {}; } void restore_state(const coppice::version<0>&, const put&) {} };",
     "restore_state of this class is for a version that is far from its state_version, or it takes the version by reference"),
    ("a version whose state is another one", BASE + CALL + "static constexpr std::uint32_t state_version = 2; put save_state() const { return {}; } "
     "void restore_state(coppice::version<1>, const put&) {} void restore_state(coppice::version<2>, const get&) {} };",
     "restore_state of this class takes no term that save_state makes"),
    ("a pointer in a former state", "struct key { const char* name; };\n" + BASE + CALL + "static constexpr std::uint32_t state_version = 2; "
     "put save_state() const { return {}; } void restore_state(coppice::version<1>, const key&) {} "
     "void restore_state(coppice::version<2>, const put&) {} };", "a pointer in a message, arguments or a state has no term"),
    ("a private configure", BASE + CALL + "private: void configure(const put&) {} };", "nothing can call configure of this class: make it public"),
    ("a configure without arguments", BASE + CALL + "void configure() {} };",
     "configure is declared otherwise than it is called: void configure(const Settings&)"),
    ("a configure that returns something", BASE + CALL + "bool configure(const put&) { return true; } };",
     "configure is declared otherwise than it is called: void configure(const Settings&)"),
    ("arguments of configure and of init", BASE + CALL + "void configure(const put&) {} void init(const put&) {} };",
     "a class with configure has its args from there: void init(), without them"),
    ("changed arguments beside configure", BASE + CALL + "void configure(const put&) {} coppice::outcome config_change(term, term) { return {}; } };",
     "a class with configure has the changed args from there: config_change takes nothing"),
    ("a pointer in settings", "struct key { const char* name; };\n" + BASE + CALL + "void configure(const key&) {} };",
     "a pointer in a message, arguments or a state has no term"),
    ("arguments with a pointer", "struct key { const char* name; };\n" + BASE + CALL + "void init(const key&) {} };",
     "a pointer in a message, arguments or a state has no term"),
]

# Misspelt names: the wrong name, and the right one.
SLIPS = [
    ("handleCall", "handle_call"), ("HandleCall", "handle_call"), ("handle_calls", "handle_call"),
    ("on_call", "handle_call"), ("handleCast", "handle_cast"), ("on_cast", "handle_cast"),
    ("handleInfo", "handle_info"), ("on_info", "handle_info"), ("handle_message", "handle_info"),
    ("on_message", "handle_info"), ("handle_cal", "handle_call"), ("handel_cast", "handle_cast"),
    ("hanlde_info", "handle_info"), ("config_changed", "config_change"), ("handle_response", "on_response"), ("on_init", "init"),
    ("saveState", "save_state"), ("load_state", "restore_state"), ("code_change", "restore_state"),
    ("on_terminate", "terminate"), ("formatStatus", "format_status"), ("on_configure", "configure"),
]
MISTAKES += [(f"{wrong} for {right}", BASE + f"void {wrong}(const put&) {{}} }};",
              f"this class has {wrong}, which nothing calls: the callback's name is {right}")
             for wrong, right in SLIPS]
MISTAKES += [
    ("save beside restore", BASE + CALL + "int save() const { return 1; } void restore(std::uint32_t, const int&) {} };",
     "this class has save, which nothing calls: the callback's name is save_state"),
    ("a slip beside another handler", BASE + CALL + "void handle_cas(const put&) {} };",
     "this class has handle_cas, which nothing calls: the callback's name is handle_cast"),
    ("restore beside save_state", BASE + CALL + "int save_state() const { return 1; } void restore(int) {} };",
     "this class has restore, which nothing calls: the callback's name is restore_state"),
]

# Mistakes in state machines.
MACHINE = "enum class place { a, b }; class shop : public coppice::statem<place> { public: "
INIT = "coppice::transition init() { return next(place::a); } "
CAST = "coppice::transition handle_cast(place, const put&) { return keep(); } "
MISTAKES += [
    ("a machine without a beginning", MACHINE + CAST + "};",
     "a state machine begins with a state: transition init() { return next(first); }"),
    ("a beginning that is no transition", MACHINE + CAST + "void init() {} };", "init of a state machine returns its transition"),
    ("a cast of a machine that returns nothing", MACHINE + INIT + "void handle_cast(place, const put&) {} };",
     "handle_cast of a state machine returns its transition: coppice::transition, as next(state), keep() and repeat() give it"),
    ("a call of a machine without whom to answer", MACHINE + INIT
     + "coppice::transition handle_call(place, const put&) { return keep(); } };",
     "handle_call is declared otherwise than it is called: coppice::transition handle_call(State, const M&, coppice::term from)"),
    ("a cast of a machine without the state", MACHINE + INIT + "coppice::transition handle_cast(const put&) { return keep(); } };",
     "handle_cast is declared otherwise than it is called: coppice::transition handle_cast(State, const M&)"),
    ("a machine's private handler", MACHINE + INIT + "private: coppice::transition handle_info(place, const put&) { return keep(); } };",
     "nothing can call handle_info of this class: make it public"),
    ("a machine's list without the handler", MACHINE + INIT + CAST + "using internals = std::variant<put, get>; };",
     "this class lists internals and has no handle_internal for them"),
    ("a named time-out without its name", MACHINE + INIT + "coppice::transition handle_timeout(place, term) { return keep(); } };",
     "handle_timeout is declared otherwise than it is called"),
    ("a handle_event of one", MACHINE + INIT + "coppice::transition handle_event(const event&) { return keep(); } };",
     "handle_event is declared otherwise than it is called: coppice::transition handle_event(State, const event&)"),
    ("an enter of one", MACHINE + INIT + CAST + "coppice::transition enter(place) { return keep(); } };",
     "enter is declared otherwise than it is called: coppice::transition enter(State before, State now)"),
    ("a machine's continue", MACHINE + INIT + CAST + "coppice::transition handle_continue(term) { return keep(); } };",
     "a state machine has no handle_continue: let init insert an event"),
    ("a machine's callback_mode", MACHINE + INIT + CAST + "int callback_mode() { return 1; } };",
     "this class has callback_mode, which nothing calls: there is one handle_"),
    ("a machine that does nothing", MACHINE + INIT + "};",
     "this class has nothing that a state machine does: give it a public handle_call"),
    ("on_enter for enter", MACHINE + INIT + CAST + "coppice::transition on_enter(place, place) { return keep(); } };",
     "this class has handle_enter, on_enter or state_enter, which nothing calls: the callback's name is enter"),
]
MISTAKES += [(f"{wrong} for {right} of a machine", MACHINE + INIT + f"coppice::transition {wrong}(place, const put&) {{ return keep(); }} }};",
              f"this class has {wrong}, which nothing calls: the callback's name is {right}")
             for wrong, right in [("handle_casts", "handle_cast"), ("on_event", "handle_event"), ("on_timeout", "handle_timeout"),
                                  ("handle_internals", "handle_internal"), ("handle_state_time_out", "handle_state_timeout"),
                                  ("handle_named_timeout", "handle_timeout")]]

# Mistakes in streams, datagrams, stages, web servers, and in an actor's own calls.
TCP = "class shop : public coppice::tcp { public: void on_frame(coppice::connection, coppice::bytes) {} "
MISTAKES += [
    ("a slip beside a stream's callback", TCP + "void on_connected(coppice::connection) {} };",
     "this class has on_connected, which nothing calls: the callback's name is on_connect"),
    ("a private callback of a stream", TCP + "private: void on_close(coppice::connection) {} };",
     "nothing can call on_close of this class: make it public"),
    ("a frame as text", "class shop : public coppice::tcp { public: void on_frame(coppice::connection, std::string_view) {} };",
     "on_frame is declared otherwise than it is called: public, and void on_frame(coppice::connection, coppice::bytes)"),
    ("no datagrams", "class shop : public coppice::udp { public: void on_packet(const coppice::datagram&) {} };",
     "this class takes no datagrams: give it a public void on_datagrams("),
    ("one event where a list comes", "class shop : public coppice::consumer { public: void handle_events(std::int64_t) {} };",
     "handle_events takes a list of events and not one of them"),
    ("a text for an answer", "class shop : public coppice::web { public: std::string handle_request(const coppice::request&) { return {}; } };",
     "handle_request returns something that is no answer: return a coppice::response"),
    ("a machine's on_response", MACHINE + INIT + CAST
     + "void on_response(std::uint64_t, std::uint64_t, const coppice::answer&) {} };",
     "this class has on_response, which nothing calls in a state machine"),
    ("an answer's const member", BASE + 'void init() { request<&shop::on_got>("db", 1); } void on_got(const coppice::answer&) const {} };',
     "the member that takes a request's answer is declared otherwise than it is called"),
    ("an answer as its value", BASE + 'void init() { request<&shop::on_got>("db", 1); } void on_got(std::int64_t) {} };',
     "the member that takes a request's answer is declared otherwise than it is called"),
    ("a context that no member takes", BASE + 'void init() { request<&shop::on_got>("db", 1, put{}); } void on_got(const coppice::answer&) {} };',
     "the member that takes this request's answer takes no context"),
    ("a request without its member's context", BASE + 'void init() { request<&shop::on_got>("db", 1); } '
     "void on_got(const put&, const coppice::answer&) {} };", "the member that takes this request's answer has a context before it"),
    ("a context of another type", BASE + 'void init() { request<&shop::on_got>("db", 1, 7); } '
     "void on_got(const put&, const coppice::answer&) {} };", "the context of this request is of another type than its member takes"),
    ("a machine's answer before its state", MACHINE + INIT + CAST + 'void ask() { request<&shop::on_got>("db", 1); } '
     "coppice::transition on_got(const coppice::answer&, place) { return keep(); } };",
     "the member that takes a request's answer is declared otherwise than it is called"),
]

# Whole plugins: the sentence is the only error.
ALONE = [
    (MISTAKES[0][1], MISTAKES[0][2]),
    (BASE + 'bool handle_call(const put&) { return call<term>("db", 1).has_value(); } };',
     "this reply would point into a message that is gone"),
    (BASE + 'void init() { request("db", 1, [](const coppice::answer&) {}); } };',
     "Its answer comes to on_response, or to a member: request<&shop::on_price>(to, message)"),
    (BASE + 'void init() { log("hello"); } };', "log takes the level first: log(COPPICE_LOG_INFO, text)"),
]

# Mistakes in a test; each is a whole file.
KIT = """#include <coppice/testing.hpp>
using namespace coppice::testing;
int main(int, char** words) {
  const plugin kept = plugin::load(words[1]);
  actor right(kept);
  actor wrong(plugin::load(words[1]));
}
"""

# Correct code, all in one file.
RIGHT = [
    BASE + "bool handle_call(const put&) noexcept { return true; } };",
    BASE + "coppice::no_reply handle_call(put, const term&) const { return {}; } };",
    BASE + CALL + "void save() {} private: void handle_message(const put&) {} };",
    BASE + CALL + "void restore() {} };",
    BASE + VARIANT + "bool handle_call(const get&) { return true; } private: void handle_call(const std::string&) {} };",
    "struct tree { int at; std::vector<tree> kids; std::unique_ptr<tree> up; };\n" + BASE
    + "void handle_cast(const tree&) {} };",
    "enum class colour : std::uint8_t { red, green = 63 }; struct paint { colour what; std::array<std::int16_t, 8> code; "
    "std::variant<std::int32_t, std::int64_t, std::string, coppice::owned_term> more; };\n" + BASE
    + "using casts = std::variant<paint, put, term>; void handle_cast(const paint&) {} void handle_cast(const put&) {} "
    "void handle_cast(term) {} };",
    BASE + CALL + "using state = std::variant<get, put>; state save_state() const { return {}; } void restore_state(const state&) {} };",
    BASE + CALL + "static constexpr std::uint32_t state_version = 20; put save_state() const { return {}; } "
    "bool restore_state(coppice::version<1>, get) { return false; } void restore_state(coppice::version<20>, const put&) noexcept {} "
    "void restore_state(coppice::version<21>, const std::string&) {} };",
    "class late : public coppice::server { public: " + CALL + "put save_state() const { return {}; } void restore_state(coppice::version<0>, const put&) {} };\n"
    "class shop : public late {};",
    "struct key { std::chrono::milliseconds age; std::optional<std::chrono::hours> long_age; std::vector<bool> all; std::vector<std::chrono::seconds> ages; };\n"
    + BASE + CALL + "void handle_cast(const key&) {} void configure(const key&) {} void init() {} coppice::outcome config_change() { return {}; } };",
    MACHINE + INIT + CAST + "void configure(const put&) {} };",
    "class shop : public coppice::consumer { public: void handle_events(const std::vector<int>&) {} void configure(const put&) {} };",
    "struct box { std::unique_ptr<put> what; };\n" + BASE + "using casts = std::variant<box, put>; "
    "void handle_cast(const box&) {} void handle_cast(const put&) {} };",
    "enum class yes_or_no : bool { no, yes }; struct paint { yes_or_no wet; };\n" + BASE + "void handle_cast(const paint&) {} };",
    BASE + "void init() {} void terminate(const term&) noexcept {} };",
    BASE + "using calls = put; template <class M> bool handle_call(const M&) { return true; } };",
    BASE + "using casts = std::variant<put, get>; void handle_cast(const put&) {} void handle_cast(get) {} };",
    BASE + "int save_state() const noexcept { return 1; } bool restore_state(std::uint32_t, int) { return true; } "
    + CALL + "};",
    MACHINE + INIT + CAST + "coppice::transition enter(place, place now) { return now == place::a ? keep() : repeat(); } };",
    TCP + "void on_closed(const coppice::answer&) {} void on_close(coppice::connection) {} };",
    "class shop : public coppice::web { public: coppice::response handle_request(const coppice::request&) "
    "{ return coppice::response(204); } };",
    BASE + 'void init() { request<&shop::on_got>("db", 1, 200ms); request("db", 1, 7, 200ms); } '
    "void on_got(const coppice::expected<int, coppice::call_error>&) {} };",
    "class counted : public coppice::server { public: " + CALL + "private: int held_ = 0; };\n"
    "class shop : public counted {};",
]

# Names of helpers that the base classes have or had. A message type beside the class may have any of these names.
HELPERS = ["api", "at_least_one", "call_all", "deadline", "encoded", "plain", "read_as", "send_answer", "set", "spawn_flags",
           "said", "start_timer", "until", "written"]
BASES = {"server": "", "consumer": "void handle_events(const std::vector<int>&) {} ",
         "producer": "void handle_demand(std::uint64_t) {} ",
         "web": "coppice::response handle_request(const coppice::request&) { return coppice::response(204); } "}
RIGHT += ["".join(f"struct {name} {{ std::int64_t at; }};\n" for name in HELPERS)
          + f"class shop : public coppice::{base} {{ public: {callback}using casts = std::variant<{', '.join(HELPERS)}>; "
          + "".join(f"void handle_cast(const {name}&) {{}} " for name in HELPERS) + "};"
          for base, callback in BASES.items()]
# The headers with the base classes of actors.
BEHAVIOURS = ["actor", "event_handler", "raft", "router", "saga", "server", "stage", "statem", "tcp", "udp", "web"]
BASE_CLASS = re.compile(r"^class (?:actor|\w+ : public (?:detail::)?(?:actor|any_\w+)) \{\n(.*?)^\};", re.M | re.S)
MEMBER = re.compile(r"^  (?! |return\b|static_assert\b|using\b|friend\b|explicit\b)[\w:<>&*,\[\] ]+?[ &*](\w+)\((?![^;]*\) = )", re.M)


def members(section):
    """The functions in the public or the private part of each class from which actors derive."""
    for header in BEHAVIOURS:
        for base in BASE_CLASS.findall((root / f"plugin-api/coppice/{header}.hpp").read_text(encoding="utf-8")):
            for part in re.split(r"^ (?=\w+:$)", base, flags=re.M):
                if part.startswith(section):
                    yield from MEMBER.findall(part)


def rows(name, sources):
    """One file with the sources of all rows. Each source has a namespace of its own, and its class is used as
    COPPICE_PLUGIN uses a class."""
    spaces = "".join(f"namespace {name}{i} {{\n{source}\n}}\n" for i, source in enumerate(sources))
    return HEAD + spaces + "".join(f"template struct coppice::detail::behaviour_of<{name}{i}::shop>;\n"
                                   for i in range(len(sources)))


def first_errors(said):
    """The first error about the class of each row. The compilers name the class in the line or in a note behind it."""
    found = {}
    for block in re.split(r"\n(?=\S+ error: )", said):
        row = re.search(r"\brow(\d+)::shop\b", block[block.find("error: "):])
        if row:
            found.setdefault(int(row[1]), block[block.find("error: "):].splitlines()[0])
    return found


def first_of_coppice(header, folders):
    """The first part of our C++ that an older compiler reads in a header: the header that ends the compilation, or code
    of another header."""
    for line in next(folder / header for folder in folders if (folder / header).exists()).read_text(encoding="utf-8").splitlines():
        included = re.match(r"#include <(coppice/[^>]*\.hpp)>", line)
        if included and included[1].endswith("/needs_cpp20.hpp"):
            return included[1]
        first = first_of_coppice(included[1], folders) if included else "" if re.match(r"\s*(//|#|$)", line) else line
        if first:
            return first
    return ""


@test("each public header names the standard before anything else")
def standard(_):
    folder, variables = installed()
    flags = shell("pkg-config --cflags coppice-plugin", folder.path, **variables).split()
    folders = [pathlib.Path(flag[2:]) for flag in flags if flag.startswith("-I")]
    headers = sorted({str(file.relative_to(folder)) for folder in folders for file in folder.glob("coppice/**/*.hpp")
                      if "detail" not in file.parts and file.name != "needs_cpp20.hpp"})
    check({"coppice/server.hpp", "coppice/testing/host.hpp", "coppice/etf/term.hpp"} <= set(headers), "headers are found", *headers)
    for header in headers:
        equal(first_of_coppice(header, folders), "coppice/etf/needs_cpp20.hpp", header)


def judge(cleanup, compiler, everything):
    needs(compiler)
    _, variables = installed()
    folder = working_folder(cleanup)
    flags = shell("pkg-config --cflags coppice-plugin", folder.path, **variables).strip()

    def compiled(name, source):
        folder.write(f"{name}.cpp", source)
        return shell(f"{compiler} -std=c++20 {flags} -fsyntax-only {everything} {name}.cpp 2>&1 || true", folder.path)

    equal(compiled("right", rows("right", RIGHT)), "", "what is right compiles")
    older = re.findall(r"\berror: .*|#error .*", shell(
        f"printf '#include <coppice/server.hpp>' | {compiler} -std=c++17 {flags} -fsyntax-only {everything} -x c++ - 2>&1 || true",
        folder.path))
    check(len(older) <= 3 and any("Coppice's headers need C++20: compile with -std=c++20" in line for line in older),
          "of an older standard one thing is said", *older[:10])
    said = compiled("wrong", rows("row", [source for _, source, _ in MISTAKES]))
    errors = first_errors(said)
    for number, (what, _, sentence) in enumerate(MISTAKES):
        first = errors.get(number, "nothing is said")
        check(sentence in first, f"{what}: the first error says {sentence!r}", first)
    in_kit = re.findall(r"\berror: .*", compiled("kit", KIT))
    check(len(in_kit) == 1 and "this plugin is closed before its actor is used: keep it in a variable" in in_kit[0],
          "an actor of a plugin that nobody keeps", *in_kit)
    for source, sentence in ALONE:
        alone = compiled("alone", HEAD + source + '\nCOPPICE_PLUGIN("shop", "1", shop);\n')
        found = re.findall(r"\berror: .*", alone)
        check(len(found) == 1 and sentence in found[0], f"of a plugin only {sentence!r} is said", alone)


@test("g++ says what is wrong with a class, and what to do")
def gcc(cleanup):
    judge(cleanup, "g++", "")


@test("so does clang")
def clang(cleanup):
    judge(cleanup, "clang++", "-ferror-limit=0")


@test("helpers of the base classes have names that no message has, and the page lists the other members")
def names(_):
    private = sorted(set(members("private:")))
    check("start_timer_" in private and "written_" in private, "helpers are found", private)
    equal([name for name in private if not name.endswith("_")], [], "helpers whose name a message may have")
    public = sorted(name for name in {*members("public:"), *members("protected:")} if not name.endswith("_"))
    check("send" in public and "emit" in public, "members are found", public)
    page = (root / "packaging/doc/plugins/server.md").read_text(encoding="utf-8")
    listed = page[page.index("## Names that are taken"):]
    for name in public:
        contains(listed, f"`{name}`")


if __name__ == "__main__":
    run()
