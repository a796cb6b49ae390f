// An object read from a bucket in ranges, so that a connection cut in the middle costs only what
// was not yet received, and memory does not depend on the object's size. Private to the S3 store.
// It guarantees that all ranges are of one and the same object (If-Match), and that the end is
// reported only at the length the store gave for the whole.
#pragma once

#include <memory>
#include <string>

#include "archive/storage/s3_client.hpp"
#include "archive/storage/store.hpp"

namespace pgkeel::archive {

class S3Reader final : public ObjectReader {
 public:
  /// Asks for the first range at once. NotFound, and what S3Client gives.
  static Result<std::unique_ptr<ObjectReader>> open(S3Client& client, const std::string& key,
                                                    std::uint64_t offset);
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  S3Reader(S3Client& client, std::string key, std::uint64_t offset)
      : client_(client), key_(std::move(key)), next_(offset) {}
  Result<void> fetch();
  [[nodiscard]] S3Request range_request() const;
  Result<void> take_range();
  Result<void> take_whole();
  Result<void> take_unsatisfiable();
  [[nodiscard]] std::string what() const;
  [[nodiscard]] std::unexpected<Error> malformed(std::string_view detail) const;

  S3Client& client_;
  const std::string key_;
  S3Reply reply_;            ///< its body is what has been received and not yet been read
  std::size_t taken_ = 0;    ///< of it
  std::uint64_t next_ = 0;   ///< where the next range begins
  std::uint64_t total_ = 0;  ///< of the object
  bool total_known_ = false;
  std::string etag_;
  std::size_t range_bytes_;
};

}  // namespace pgkeel::archive
