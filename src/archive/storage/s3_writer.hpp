// One object on its way into a bucket: a single PUT when it is small, otherwise an upload in parts,
// each tried again by itself. Private to the S3 store.
// It guarantees that the object appears whole or not at all, and that commit() has asked the store
// for its length afterwards. It holds one part in memory, whatever the object's size.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "archive/storage/s3_client.hpp"
#include "archive/storage/store.hpp"

namespace pgkeel::archive {

/// Large enough that a request's round trip does not matter, small enough for memory; S3 takes
/// parts from 5 MiB on and 10 000 of them: objects of up to 156 GiB.
inline constexpr std::size_t kS3PartBytes = 16U << 20U;

class S3Writer final : public ObjectWriter {
 public:
  /// `client` outlives the writer. `key` is the one in the bucket.
  S3Writer(S3Client& client, std::string key, Replace replace)
      : client_(client), key_(std::move(key)), replace_(replace) {}
  ~S3Writer() override;

  Result<void> write(ByteSpan bytes) override;
  Result<void> commit() override;

 private:
  Result<void> begin_upload();
  Result<void> send_part();
  Result<void> put_whole();
  Result<void> complete_upload();
  Result<S3Reply> send_visible(S3Request request);
  Result<void> check_visible(bool refused);
  [[nodiscard]] std::string parts_xml() const;
  [[nodiscard]] std::unexpected<Error> other_bytes(std::string_view object) const;
  [[nodiscard]] std::string what(std::string_view verb) const;

  S3Client& client_;
  const std::string key_;
  const Replace replace_;
  std::vector<std::byte> part_;
  std::uint64_t sent_bytes_ = 0;
  std::string upload_id_;  ///< empty: no upload has begun, or it is over
  std::vector<std::string> etags_;
  std::string whole_etag_;  ///< of what the store should have, without quotes
  bool committed_ = false;
};

}  // namespace pgkeel::archive
