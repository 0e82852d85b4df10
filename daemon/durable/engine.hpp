// SPDX-License-Identifier: MIT
// The durable log without its thread: it takes requests, writes and syncs them together once, and returns a
// result for each. It also starts new segments, compacts, and keeps the index. One thread writes; any thread
// may call the reading functions meanwhile. Other rooms use the log through log.hpp.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "durable/change.hpp"
#include "durable/disk.hpp"
#include "durable/index.hpp"
#include "durable/recovery.hpp"
#include "durable/stage.hpp"

namespace coppice::durable {

struct options {
  // A segment is closed before it would grow beyond this; 4 KiB to 1 GiB. A request takes at most a quarter
  // of it.
  std::uint32_t segment_bytes = 16U << 20;
};

struct group_report {
  group_id id = 0;
  std::string name; // empty: the record with the name is damaged
  std::uint64_t first = 1;
  std::uint64_t last = 0; // first less one: no entries
  std::uint64_t term_before_first = 0;
  std::string damage; // why the group is stopped. Empty: it is not
};

struct log_report {
  identity id{};
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0; // of the segments, with reserved room
  std::uint64_t live_bytes = 0;
  std::uint64_t synced = 0;    // batches written and synced since the log was opened
  std::uint64_t compacted = 0; // bytes copied by compaction since the log was opened
  bool is_full = false;        // the disk is full; entries are refused
  bool is_held = false;        // damage keeps old segments from being removed
  std::optional<base::error> failure;
};

class engine {
 public:
  // Opens the log, or makes the folder and the log if they are missing. errc::refused: another process has it
  // open; errc::limit: the disk is full; errc::unsupported: the log has another format.
  static base::result<std::unique_ptr<engine>> open(disk& on, const std::string& folder, const options& with);
  ~engine();
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  // Bytes: the most that one request may take (see request_size), and the most that one call of write()
  // takes.
  std::size_t longest_request() const { return options_.segment_bytes / 4; }
  std::size_t longest_batch() const { return longest_batch(options_); }
  static std::size_t longest_batch(const options& with) { return with.segment_bytes / 2; }
  // Bytes: how long a segment can be before its first sync. For recover().
  static std::size_t longest_start(const options& with);
  static std::size_t request_size(const request& of);

  // Number of the group of this name. A new group is made with its first request. errc::invalid: the name is
  // empty or longer than 255 bytes, or damage may have hit a group of this name; errc::limit: the log has no
  // number left.
  base::result<group_id> group(const std::string& name);

  // Returns a result for each request, in order: either it is on the disk, or no part of it is.
  // errc::invalid: the changes do not fit the group, or the group is stopped; errc::not_found: no such group;
  // errc::limit: the disk is full; errc::refused: the process has too many open files for a new segment, or
  // an earlier request with the same fence was refused. Any other error: the log has ended, and refuses every
  // later request with the same words.
  std::vector<base::status> write(std::span<const request> requests);
  // Copies the records that compaction has begun to move, and removes segments without live records. Called
  // after each write(), once its outcomes are told, since it may take several fsyncs. A failure ends the log.
  void tidy();
  // Closes the newest segment with a footer. Nothing can be written afterwards.
  void close();

  // These return only synced data. For a stopped group value(), values() and term_at() may be stale, because
  // the damaged record may have been the newer one. report() says whether a group is stopped.
  std::vector<group_report> groups() const;
  std::optional<group_report> report(group_id group) const;
  std::optional<std::string> value(group_id group, const std::string& key) const;
  // All keys of the group with their values, in the order of the keys.
  std::vector<std::pair<std::string, std::string>> values(group_id group) const;
  std::optional<std::uint64_t> term_at(group_id group, std::uint64_t index) const;
  // The entries from `from` on that fit in max_bytes, but at least one if there is one. Blocking.
  base::result<std::vector<entry>> read(group_id group, std::uint64_t from, std::size_t max_bytes);
  log_report report() const;
  std::vector<damage> damages() const;

 private:
  struct segment {
    std::shared_ptr<file> bytes;
    std::uint64_t size = 0;   // of its records and its head
    std::uint64_t length = 0; // of the file. In the newest segment zeros follow the records up to here
  };
  enum class part { first_batch, next_batch, footer };
  // How far compaction has come in the oldest segment.
  struct compaction_cursor {
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;
    file_bytes content;
  };

  engine(disk& on, std::string folder, const options& with)
      : disk_(on), folder_(std::move(folder)), options_(with) {}

  // Bytes by which the newest segment's file is made longer at once.
  static std::uint64_t reserve_step(const options& with);
  // Length of the file for `size` bytes of records.
  static std::uint64_t reserve_end(const options& with, std::uint64_t size);

  base::status start();
  base::result<identity> make_identity();
  base::status repair(newest_segment& newest, std::uint64_t next_batch);
  std::string path(std::uint64_t number) const { return folder_ + "/" + segment_name(number); }
  std::string reserve_path() const { return folder_ + "/reserve"; }

  std::vector<base::status> write_batch(std::span<const request> requests);
  base::status write_once(std::span<const request> requests, bool takes_entries,
                          std::vector<base::status>& out);
  base::status put(std::vector<staged_record>& records);
  base::status seal();
  base::status write_to_active(const std::string& bytes, part what);
  base::status reserve_room(segment& of, std::uint64_t size);
  base::status make_longer(segment& of, std::uint64_t length);
  base::status cut_back(segment& of);
  base::status create_active();
  base::status discard_active();
  void apply(const std::vector<staged_record>& records, const std::vector<std::uint32_t>& places);
  base::status end(base::error why);
  base::status keep_reserve();
  void give_up_reserve();
  std::uint64_t footer_size(const std::vector<staged_record>& more) const;

  void compact(std::uint64_t coming);
  std::uint64_t room_to_compact(std::uint64_t end) const;
  bool is_held() const;
  // Returns whether there was anything to do.
  base::result<bool> compact_some();
  base::status load_oldest(std::uint64_t oldest);
  base::status hold(std::uint64_t offset, const std::string& why, group_id group);
  base::status remove_oldest();

  disk& disk_;
  const std::string folder_;
  const options options_;
  std::unique_ptr<held_folder> names_; // the log's folder
  std::unique_ptr<held_lock> lock_;
  identity id_{};

  // Used by the writing thread only.
  std::uint64_t next_batch_ = 1;
  std::uint64_t next_segment_ = 1;
  std::optional<std::uint64_t> active_;                 // the segment that is written to
  std::map<std::uint64_t, std::uint32_t> active_items_; // groups and their records in it
  // Room is reserved in steps. False: the disk had no room for a step in this segment, so only the room that
  // each batch needs is reserved.
  bool reserves_steps_ = true;
  compaction_cursor cursor_;
  bool closed_ = false;

  mutable std::mutex mutex_; // guards the members below
  group_index index_;
  std::vector<damage> damages_;
  std::map<std::uint64_t, segment> segments_;
  std::uint64_t total_ = 0; // bytes of all segments, without reserved room
  std::uint64_t synced_ = 0;
  std::uint64_t compacted_ = 0;
  bool full_ = false;
  std::optional<base::error> failure_;
};

} // namespace coppice::durable
