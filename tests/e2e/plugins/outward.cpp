// SPDX-License-Identifier: MIT
// Actors of other behaviours, each with a connection of its own on which it says what it is: `switchboard`, a
// router, and `reporter`, an event handler, answer lines; `source`, a producer, makes events of them; `sink`,
// a consumer, writes its events. "leave" removes the handler from its manager.
#include <coppice/event_handler.hpp>
#include <coppice/router.hpp>
#include <coppice/stage.hpp>
#include <coppice/stream.hpp>

#include <string>
#include <vector>

namespace {

using namespace coppice;

struct settings {
  static constexpr etf::form etf_form = etf::form::map;
  std::uint16_t port;
};
constexpr std::string_view settings_schema =
    R"({"type": "object", "properties": {"port": {"type": "integer", "minimum": 1, "maximum": 65535}},
        "required": ["port"], "additionalProperties": false})";

std::uint64_t dial(const actor& of, const settings& to) {
  return connect_to(of, "127.0.0.1", to.port, {.framing = lines()});
}

class switchboard : public router {
 public:
  static constexpr std::string_view name = "switchboard";
  static constexpr std::string_view args_schema = settings_schema;
  void init(const settings& to) { line_ = dial(*this, to); }
  routing route(const routed&) { return own(); }
  std::uint64_t handle_call(etf::constant<"heard">) const { return heard_; }
  void on_connect(connection with) { with.write("switchboard\n"); }
  void on_frame(connection from, bytes frame) {
    ++heard_;
    from.write("switchboard " + std::string(to_text(frame)) + "\n");
  }
  std::uint64_t save_state() const { return heard_; }
  void restore_state(std::uint32_t, std::uint64_t saved) { heard_ = saved; }

 private:
  std::uint64_t line_ = 0, heard_ = 0;
};

class source : public producer {
 public:
  static constexpr std::string_view name = "source";
  static constexpr std::string_view args_schema = settings_schema;
  void init(const settings& to) { dial(*this, to); }
  void handle_demand(std::uint64_t) {}
  void on_connect(connection with) { with.write("source\n"); }
  void on_frame(connection, bytes frame) { emit(std::vector<std::string>{std::string(to_text(frame))}); }
  std::uint64_t save_state() const { return 0; }
  void restore_state(std::uint32_t, std::uint64_t) {}
};

class sink : public consumer {
 public:
  static constexpr std::string_view name = "sink";
  static constexpr std::string_view args_schema = settings_schema;
  void init(const settings& to) { line_ = dial(*this, to); }
  void handle_events(const std::vector<std::string>& events) {
    for (const std::string& one : events) connection(*this, line_).write("sink " + one + "\n");
  }
  void on_connect(connection with) { with.write("sink\n"); }
  void on_frame(connection, bytes) {}
  std::uint64_t save_state() const { return line_; }
  void restore_state(std::uint32_t, std::uint64_t saved) { line_ = saved; }

 private:
  std::uint64_t line_ = 0;
};

class reporter : public event_handler {
 public:
  static constexpr std::string_view name = "reporter";
  static constexpr std::string_view args_schema = settings_schema;
  void init(const settings& to) { line_ = dial(*this, to); }
  void handle_event(const std::string& what) { connection(*this, line_).write("event " + what + "\n"); }
  void on_connect(connection with) { with.write("reporter\n"); }
  outcome on_frame(connection from, bytes frame) {
    from.write("reporter " + std::string(to_text(frame)) + "\n");
    return to_text(frame) == "leave" ? remove() : outcome::go_on();
  }
  std::uint64_t save_state() const { return line_; }
  void restore_state(std::uint32_t, std::uint64_t saved) { line_ = saved; }

 private:
  std::uint64_t line_ = 0;
};

} // namespace

COPPICE_PLUGIN("outward", "1.0.0", switchboard, source, sink, reporter);
