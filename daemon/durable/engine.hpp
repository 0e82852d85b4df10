// SPDX-License-Identifier: MIT
// The durable log without its thread: requests in, one write and one fsync for all of them, results out. It
// rolls segments, compacts, and keeps the index. One thread writes; the rest may be called by any thread
// meanwhile. The log as others use it is log.hpp.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "durable/change.hpp"
#include "durable/disk.hpp"
#include "durable/index.hpp"
#include "durable/recovery.hpp"
#include "durable/stage.hpp"

namespace coppice::durable {

struct options {
  // A segment is closed when it would grow beyond this; 4 KiB to 1 GiB. A request takes at most a quarter.
  std::uint32_t segment_bytes = 16U << 20;
};

struct group_report {
  group_id id = 0;
  std::string name; // empty: the record with it is damaged
  std::uint64_t first = 1;
  std::uint64_t last = 0; // first less one: no entries
  std::uint64_t term_before_first = 0;
  std::string damage; // empty: all is well; else why the group is stopped
};

struct log_report {
  identity id{};
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0; // of the segments
  std::uint64_t live_bytes = 0;
  std::uint64_t synced = 0;    // batches written and synced since it was opened
  std::uint64_t compacted = 0; // bytes written anew since it was opened
  bool is_full = false;        // the disk is; entries are refused
  bool is_held = false;        // damage keeps old segments from being removed
  std::optional<base::error> failure;
};

class engine {
 public:
  // Makes the folder and the log where there is none. errc::refused: another process has it open;
  // errc::limit: the disk is full; errc::unsupported: of another format.
  static base::result<std::unique_ptr<engine>> open(disk& on, const std::string& folder, const options& with);
  ~engine();
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  // The most that a request may take (request_size), and the most that one call of write() takes.
  std::size_t longest_request() const { return options_.segment_bytes / 4; }
  std::size_t longest_batch() const { return longest_batch(options_); }
  static std::size_t longest_batch(const options& with) { return with.segment_bytes / 2; }
  static std::size_t request_size(const request& of);

  // The group of this name, which is made with its first request where it is not there. errc::invalid: the
  // name is empty or longer than 255 bytes, or damage may have hit a group of this name;
  // errc::limit: the log has no number left.
  base::result<group_id> group(const std::string& name);

  // A result for each request, in order; each is on the disk, or refused and nothing of it is. errc::invalid:
  // the changes do not fit the group, or it is stopped; errc::not_found: no such group; errc::limit: the
  // disk is full; errc::refused: the process has too many open files for a new segment; else the log has
  // ended, and refuses everything with the same words from then on.
  std::vector<base::status> write(std::span<const request> requests);
  // Writes anew what compaction has begun to move, and removes segments of which nothing is live. Called
  // after each write(), when the outcomes are told: it may take several fsyncs. A failure ends the log.
  void tidy();
  // Closes the newest segment with a footer. Nothing can be written afterwards.
  void close();

  // What is synced, never more. Of a stopped group value() and term_at() may answer with what is stale: the
  // damaged record may have been the newer one. report() says whether a group is stopped.
  std::vector<group_report> groups() const;
  std::optional<group_report> report(group_id group) const;
  std::optional<std::string> value(group_id group, const std::string& key) const;
  std::optional<std::uint64_t> term_at(group_id group, std::uint64_t index) const;
  // From `from` on as many as fit in max_bytes, but at least one where there is one. Blocking.
  base::result<std::vector<entry>> read(group_id group, std::uint64_t from, std::size_t max_bytes);
  log_report report() const;
  std::vector<damage> damages() const;

 private:
  struct segment {
    std::shared_ptr<file> bytes;
    std::uint64_t size = 0;
  };
  // Where the compaction has come to in the oldest segment.
  struct compaction_cursor {
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;
    file_bytes content;
  };

  engine(disk& on, std::string folder, const options& with)
      : disk_(on), folder_(std::move(folder)), options_(with) {}

  base::status start();
  base::result<identity> make_identity();
  base::status repair(newest_segment& newest, std::uint64_t next_batch);
  std::string path(std::uint64_t number) const { return folder_ + "/" + segment_name(number); }
  std::string reserve_path() const { return folder_ + "/reserve"; }

  base::status write_once(std::span<const request> requests, bool takes_entries,
                          std::vector<base::status>& out);
  base::status put(std::vector<staged_record>& records);
  base::status seal();
  base::status undo(file& of, std::uint64_t size);
  base::status write_to_active(const std::string& bytes, bool is_new);
  base::status create_active();
  void apply(const std::vector<staged_record>& records, const std::vector<std::uint32_t>& places);
  base::status end(base::error why);
  base::status keep_reserve();
  void give_up_reserve();
  std::uint64_t footer_size(const std::vector<staged_record>& more) const;

  void compact(std::uint64_t coming);
  std::uint64_t room_to_compact(std::uint64_t end) const;
  bool is_held() const;
  // Whether there was something to do.
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

  // Of the writing thread.
  std::uint64_t next_batch_ = 1;
  std::uint64_t next_segment_ = 1;
  std::optional<std::uint64_t> active_;                 // the segment that is written to
  std::map<std::uint64_t, std::uint32_t> active_items_; // groups and their records in it
  compaction_cursor cursor_;
  bool closed_ = false;

  mutable std::mutex mutex_; // over what follows
  group_index index_;
  std::vector<damage> damages_;
  std::map<std::uint64_t, segment> segments_;
  std::uint64_t total_ = 0; // bytes of all segments
  std::uint64_t synced_ = 0;
  std::uint64_t compacted_ = 0;
  bool full_ = false;
  std::optional<base::error> failure_;
};

} // namespace coppice::durable
