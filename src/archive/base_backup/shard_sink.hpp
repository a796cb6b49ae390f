// One archive of the server's (the data directory, a tablespace) on its way into the store: the tar
// is cut between members into shards of about the wanted size, each a whole tar of its own that
// anybody's tar program reads.
// A member larger than a shard makes a shard of its own; members are never cut.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "archive/catalog/backup.hpp"
#include "archive/codec/stream.hpp"

namespace pgkeel::archive {

/// Where the shards of one part go, and what became of them. Written by the sink's thread, read
/// when the sink is finished.
struct ShardedPart {
  Store* store = nullptr;
  Encoding encoding;
  std::string label;
  std::string part;  ///< "data", "tablespace-16400", "config"
  std::uint64_t shard_bytes = 1U << 30U;
  std::vector<Shard> shards = {};
  std::uint64_t file_bytes = 0;  ///< of the files in it
};

/// A sink for the part's tar as the server sends it, with or without its end. `part` must outlive
/// it.
[[nodiscard]] std::unique_ptr<Sink> make_shard_sink(ShardedPart& part);

}  // namespace pgkeel::archive
