// One WAL file by name, for restore_command: from the store, or from what was received and not
// shipped yet. It guarantees: "not there" is only said at the true end of the WAL, since a server
// takes it for that and goes live; a gap, a damaged object or a store that does not answer is an
// error instead.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "archive/codec/encoded.hpp"
#include "pg/wal_name.hpp"

namespace pgkeel::archive {

enum class Fetched { Yes, NotThere };

class WalSource {
 public:
  /// `incoming`: the receiver's spool; empty when it cannot be reached from here.
  WalSource(Store& store, const KeyRing& keys, std::filesystem::path incoming,
            std::uint64_t segment_bytes)
      : store_(&store),
        keys_(&keys),
        incoming_(std::move(incoming)),
        segment_bytes_(segment_bytes) {}

  /// Writes the file `name` (a segment or a history) to `path`, whole or not at all. A segment that
  /// was only received in part is given when nothing follows it. WrongState: WAL is missing in the
  /// middle; Malformed: damaged; Usage: no WAL file's name.
  Result<Fetched> fetch(std::string_view name, const std::filesystem::path& path);

 private:
  Result<std::string> read_stored(const std::string& key, std::uint64_t bytes_max);
  Result<bool> from_store(std::string_view name, const std::filesystem::path& path);
  Result<bool> whole(std::string_view name, const std::filesystem::path& path);
  Result<bool> beginning(const pg::WalSegment& segment, std::string_view name,
                         const std::filesystem::path& path);
  Result<bool> longest_beginning(const pg::WalSegment& segment, const std::filesystem::path& path);
  Result<bool> from_incoming(std::string_view name, std::string_view suffix,
                             const std::filesystem::path& path);
  Result<bool> any_later(const pg::WalSegment& segment);

  Store* store_;
  const KeyRing* keys_;
  std::filesystem::path incoming_;
  std::uint64_t segment_bytes_;
};

}  // namespace pgkeel::archive
