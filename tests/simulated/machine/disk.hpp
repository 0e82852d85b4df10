// SPDX-License-Identifier: MIT
// The disks of the hosts. A host's writes go into real files, which stand for the kernel's page cache. For
// each file and folder of a host this also keeps what a crash of the host would leave: the bytes and names
// of the last sync, and each change since. At a crash the seed decides which of those changes are on the
// disk. The functions of libc that call this are in files.cpp. The baton's holder.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "machine.hpp"

namespace coppice::simulated {

inline constexpr std::size_t sector = 512; // bytes that reach the disk together or not at all

// A change of a file's contents that no sync has confirmed.
struct file_change {
  enum class kind : std::uint8_t { write, cut, reserve };
  std::uint64_t number = 0; // numbers count the changes of all hosts
  kind what = kind::write;
  std::uint64_t offset = 0; // of a write; for a cut or reservation the new size
  std::string bytes;        // of a write
};

// A file or a folder. It lives as long as a name, a descriptor or a change has it.
struct disk_entry {
  std::uint64_t number = 0;
  bool is_folder = false;
  bool gone = false; // belongs to the host's life before a crash: changes to it count no more
  unsigned host = 0;
  mode_t mode = 0;
  std::string contents; // the file's bytes for a reader, including those that a failed sync has lost
  std::string synced;   // the file's bytes on the disk
  std::vector<file_change> changes;
  std::map<std::string, std::shared_ptr<disk_entry>> names;        // the folder's names for a reader
  std::map<std::string, std::shared_ptr<disk_entry>> synced_names; // the folder's names on the disk
};
using entry_ptr = std::shared_ptr<disk_entry>;

// A name that was given or taken away, or both at once (a rename).
struct name_change {
  struct part {
    entry_ptr folder;
    std::string name;
    entry_ptr to; // null: the name is taken away
  };
  std::vector<part> parts;
};

struct host_disk {
  std::string path;  // absolute, as realpath gives it; empty: the host has no disk
  std::string named; // absolute, as it was mounted
  entry_ptr root;
  std::list<name_change> name_changes; // not confirmed by a sync; in order
  bool full = false;                   // no file can grow
  unsigned syncs_to_fail = 0;          // so many of the next syncs fail
  nanos slow = 0;                      // how much longer each sync takes
  unsigned syncing = 0;                // syncs under way
};

// Makes the folder the host's disk. All that is in the folder counts as synced.
void mount_disk(unsigned host, const std::string& folder);
host_disk& disk_of(unsigned host);
// Ends the disk's faults: it has room again, and its syncs succeed in the usual time.
void heal_disk(unsigned host);

// The host has lost its power, its threads run no more and its files are closed: the folder becomes what the
// seed leaves of it. The run ends if the folder differs from what the machine's functions have recorded.
void lose_unsynced(unsigned host);
// Whether there are changes that a crash could lose.
bool has_unsynced(unsigned host);

// A name in a folder of a host's disk. `folder` null: the path is on no disk.
struct disk_place {
  entry_ptr folder;
  std::string name; // empty: the folder is the disk's root
  // The entry of that name. Null: there is none.
  entry_ptr entry() const;
};
// `above`: the folder that a relative path begins at; null: the working folder.
disk_place find_place(const char* path, const entry_ptr& above = nullptr);
entry_ptr make_entry(unsigned host, bool is_folder, mode_t mode);
void give_name(const disk_place& at, entry_ptr to);
void take_name(const disk_place& at);
void move_name(const disk_place& from, const disk_place& to);

void note_write(disk_entry& to, std::uint64_t offset, std::string_view bytes);
void note_size(disk_entry& of, file_change::kind what, std::uint64_t size);
// fsync of a file or folder. Takes time. Returns 0 or EIO.
int sync_entry(const entry_ptr& which);

// Applies to the bytes on the disk as much of a change as the seed chooses.
void keep_some(std::string& disk, const file_change& of);
// Applies the whole change, to the bytes on the disk or to those that a reader gets.
void keep_whole(std::string& bytes, const file_change& of);

} // namespace coppice::simulated
