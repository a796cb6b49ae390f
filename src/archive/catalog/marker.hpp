// archive.json: which cluster this archive belongs to. Written once, when the first backup or WAL
// comes; another cluster's archive is never written into, and a newer format is never read.
#pragma once

#include <optional>
#include <string>

#include "archive/storage/store.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"

namespace pgkeel::archive {

struct Marker {
  SystemId system_id;
  std::uint64_t wal_segment_bytes = 0;
  WallTime created_at;
};

[[nodiscard]] std::string to_json(const Marker& marker);
/// Malformed; Unsupported when written by a newer format.
[[nodiscard]] Result<Marker> parse_marker(std::string_view json);

/// The store's marker; nullopt when the store holds no archive yet.
[[nodiscard]] Result<std::optional<Marker>> read_marker(Store& store);

/// The marker of this cluster's archive: read and compared, or written when there is none.
/// WrongIdentity when the store holds another cluster's archive; Refused when it holds backups or
/// WAL but no marker.
Result<Marker> claim_archive(Store& store, const Marker& ours);

}  // namespace pgkeel::archive
