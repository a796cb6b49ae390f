// Where an archive is kept: named objects in a directory or a bucket. The smallest interface that
// both can keep honestly.
// It guarantees: an object is there whole or not at all, and durable once commit() has returned;
// nothing is replaced unless the caller says so; every call is bounded in time. Blocking, and safe
// to use from several threads at once.
// It refuses keys that could leave the store ("..", a leading "/").
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace pgkeel::archive {

struct ObjectInfo {
  std::string key;  ///< "backups/20261121T030000Z/backup.json"
  std::uint64_t size_bytes = 0;
  WallTime modified_at;
};

/// An object on its way into the store. Destroyed before commit(), it leaves nothing visible; what
/// it leaves invisible (a temporary file, parts of an upload) is found by Store::abandoned().
class ObjectWriter {
 public:
  ObjectWriter() = default;
  virtual ~ObjectWriter() = default;
  ObjectWriter(const ObjectWriter&) = delete;
  ObjectWriter& operator=(const ObjectWriter&) = delete;

  /// DiskFull, Io, Http, TimedOut.
  virtual Result<void> write(ByteSpan bytes) = 0;
  /// Makes the object visible, durably. Refused when it exists and Replace::Never was asked for.
  virtual Result<void> commit() = 0;
};

/// An object read from its start (or `offset`) to its end.
class ObjectReader {
 public:
  ObjectReader() = default;
  virtual ~ObjectReader() = default;
  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;

  /// Fills at most `into`; 0 at the end. An object that ends early is an error, never a short one.
  virtual Result<std::size_t> read(std::span<std::byte> into) = 0;
};

enum class Replace { Never, Always };

class Store {
 public:
  Store() = default;
  virtual ~Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  virtual Result<std::unique_ptr<ObjectWriter>> create(const std::string& key, Replace replace) = 0;
  /// NotFound when there is none.
  virtual Result<std::unique_ptr<ObjectReader>> open(const std::string& key,
                                                     std::uint64_t offset = 0) = 0;
  virtual Result<std::optional<ObjectInfo>> stat(const std::string& key) = 0;
  /// Everything below `prefix` ("wal/0000000100000000/"), sorted by key; an absent prefix is empty.
  virtual Result<std::vector<ObjectInfo>> list(const std::string& prefix) = 0;
  /// Removing what is not there is no error.
  virtual Result<void> remove(const std::string& key) = 0;
  /// What writers that died left behind, older than `age`; their removal.
  virtual Result<std::vector<ObjectInfo>> abandoned(Millis age) = 0;
  virtual Result<void> remove_abandoned(const ObjectInfo& leftover) = 0;
  /// "directory /var/lib/pgkeel/archive", "s3://bucket/prefix at https://...": for messages.
  [[nodiscard]] virtual std::string describe() const = 0;
};

/// The key as every store accepts it: parts of [A-Za-z0-9._+-] joined by "/"; Refused otherwise.
[[nodiscard]] Result<void> check_key(std::string_view key);

/// Small objects whole. Malformed when larger than `bytes_max`.
[[nodiscard]] Result<std::string> read_object(Store& store, const std::string& key,
                                              std::size_t bytes_max);
Result<void> write_object(Store& store, const std::string& key, std::string_view content,
                          Replace replace);

}  // namespace pgkeel::archive
