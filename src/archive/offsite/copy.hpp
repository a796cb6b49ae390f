// The second store: everything of the first, byte for byte, so that a copy opens with the same key
// and restores by the same recipe. Objects of a backup come before its record, so that a backup
// half copied is none.
// It guarantees: nothing that is there is replaced by other bytes; a shard arrives with the digest
// its record names. It never removes: the copy has a retention of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "archive/storage/store.hpp"

namespace pgkeel::archive {

struct CopyProgress {
  std::uint64_t objects = 0;  ///< copied so far
  std::uint64_t objects_total = 0;
  std::uint64_t bytes = 0;
  std::uint64_t bytes_total = 0;
};

struct CopyRequest {
  Store* from = nullptr;
  Store* to = nullptr;
  std::function<void(const CopyProgress&)> tell = {};
  std::stop_token stop = {};
};

/// Copies what the second store lacks. NotFound: the first holds no archive; WrongIdentity: the
/// second belongs to another cluster; Malformed: an object is damaged in the first; Cancelled.
Result<CopyProgress> copy_store(const CopyRequest& request);

}  // namespace pgkeel::archive
