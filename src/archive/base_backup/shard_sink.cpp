// See shard_sink.hpp.
#include "archive/base_backup/shard_sink.hpp"

#include <array>

#include <fmt/format.h>

#include "archive/base_backup/tar_scanner.hpp"
#include "archive/catalog/layout.hpp"

namespace pgkeel::archive {
namespace {

class ShardSink final : public Sink, private TarVisitor {
 public:
  explicit ShardSink(ShardedPart& part) : part_(part), scanner_(*this) {}

  Result<void> write(ByteSpan bytes) override { return named(scanner_.push(bytes)); }

  // A part without any member is still one shard, so that its directory is known to be empty.
  Result<void> finish() override {
    TRY_VOID(named(scanner_.finish(TarScanner::End::Optional)));
    if (!writer_) TRY_VOID(open_shard());
    return close_shard();
  }

 private:
  Result<void> begin(const TarMember& member, ByteSpan headers) override {
    const auto coming = headers.size() + member.padded_bytes();
    if (writer_ && written_ + coming > part_.shard_bytes) TRY_VOID(close_shard());
    if (!writer_) TRY_VOID(open_shard());
    part_.file_bytes += member.size_bytes;
    return put(headers);
  }
  Result<void> content(ByteSpan bytes) override { return put(bytes); }
  Result<void> end(ByteSpan padding) override { return put(padding); }

  Result<void> put(ByteSpan bytes) {
    if (bytes.empty()) return {};
    written_ += bytes.size();
    return writer_->write(bytes);
  }

  Result<void> open_shard() {
    const auto key = shard_key(part_.label, part_.part, static_cast<int>(part_.shards.size()));
    TRY(writer, EncodedWriter::create(*part_.store, key, part_.encoding, Replace::Never));
    writer_ = std::move(writer);
    written_ = 0;
    return {};
  }

  Result<void> close_shard() {
    constexpr std::array<std::byte, kTarEndBytes> kEnd{};
    TRY_VOID(writer_->write(kEnd));
    TRY(object, writer_->finish());
    part_.shards.push_back({part_.part, std::move(object)});
    writer_.reset();
    return {};
  }

  [[nodiscard]] Result<void> named(Result<void> result) const {
    if (result) return {};
    return fail(std::move(result).error().with_context(fmt::format("store {}", part_.part)));
  }

  ShardedPart& part_;
  TarScanner scanner_;
  std::unique_ptr<EncodedWriter> writer_;
  std::uint64_t written_ = 0;
};

}  // namespace

std::unique_ptr<Sink> make_shard_sink(ShardedPart& part) {
  return std::make_unique<ShardSink>(part);
}

}  // namespace pgkeel::archive
