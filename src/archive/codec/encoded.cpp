// Writing:  plain digest -> zstd -> (thread) -> sealing -> stored digest -> object.
// Reading:  object -> stored digest -> unsealing -> zstd.
#include "archive/codec/encoded.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "archive/codec/crypto.hpp"
#include "archive/codec/seal.hpp"
#include "archive/codec/threaded_sink.hpp"
#include "archive/codec/zstd_stage.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::string_view kZstdSuffix = ".zst";
constexpr std::string_view kSealedSuffix = ".zst.sealed";
constexpr std::size_t kTextStepBytes = 64U << 10U;
constexpr const char* kDamagedHint =
    "Restore from another backup or from the other copy; 'pgkeel verify' finds all that is "
    "damaged.";

/// What came through, read by the writer once everything is finished.
struct Tally {
  Sha256 digest;
  std::uint64_t bytes = 0;
  void add(ByteSpan part) {
    digest.update(part);
    bytes += part.size();
  }
};

/// The end of the way in: the object itself.
class ObjectSink final : public Sink {
 public:
  ObjectSink(std::unique_ptr<ObjectWriter> object, Tally* tally)
      : object_(std::move(object)), tally_(tally) {}
  Result<void> write(ByteSpan bytes) override {
    tally_->add(bytes);
    return object_->write(bytes);
  }
  Result<void> finish() override { return object_->commit(); }

 private:
  std::unique_ptr<ObjectWriter> object_;
  Tally* tally_;
};

class StagedWriter final : public EncodedWriter {
 public:
  StagedWriter(std::string key, std::unique_ptr<ObjectWriter> object, const Encoding& encoding)
      : key_(std::move(key)), plain_digest_(encoding.plain_digest) {
    std::unique_ptr<Sink> sink = std::make_unique<ObjectSink>(std::move(object), &stored_);
    if (encoding.key) sink = make_sealing_sink(std::move(sink), *encoding.key);
    if (encoding.threads > 0) sink = make_threaded_sink(std::move(sink));
    first_ = make_zstd_sink(std::move(sink), encoding.level, encoding.threads);
  }

  Result<void> write(ByteSpan bytes) override {
    if (plain_digest_ == PlainDigest::Take) plain_.add(bytes);
    else plain_.bytes += bytes.size();
    return named(first_->write(bytes));
  }

  Result<StoredObject> finish() override {
    TRY_VOID(named(first_->finish()));
    first_.reset();
    return StoredObject{key_, plain_.bytes, stored_.bytes, stored_.digest.hex(),
                        plain_digest_ == PlainDigest::Take ? plain_.digest.hex() : std::string()};
  }

 private:
  Result<void> named(Result<void> result) const {
    if (result) return {};
    return fail(std::move(result).error().with_context(fmt::format("write {}", key_)));
  }

  std::string key_;
  PlainDigest plain_digest_;
  Tally plain_;
  Tally stored_;  // before the stages, which write to it until they are destroyed
  std::unique_ptr<Sink> first_;
};

/// The start of the way out: the stored bytes, compared with what is expected of them.
class ObjectSource final : public Source {
 public:
  ObjectSource(std::unique_ptr<ObjectReader> object, const StoredObject* expected)
      : object_(std::move(object)) {
    if (expected != nullptr) expected_ = *expected;
  }

  Result<std::size_t> read(std::span<std::byte> into) override {
    auto count = object_->read(into);
    if (!count || !expected_ || ended_) return count;
    if (*count != 0) tally_.add(into.first(*count));
    else TRY_VOID(compare());
    return count;
  }

 private:
  Result<void> compare() {
    ended_ = true;
    if (tally_.bytes != expected_->stored_bytes)
      return fail(ErrorCode::Malformed, fmt::format("has {} bytes, not the {} that were written",
                                                    tally_.bytes, expected_->stored_bytes));
    if (tally_.digest.hex() != expected_->sha256)
      return fail(ErrorCode::Malformed, "differs from what was written (SHA-256, offset unknown)");
    return {};
  }

  std::unique_ptr<ObjectReader> object_;
  std::optional<StoredObject> expected_;
  Tally tally_;
  bool ended_ = false;
};

/// Says of every error which object it is about.
class NamedSource final : public Source {
 public:
  NamedSource(std::unique_ptr<Source> from, std::string key)
      : from_(std::move(from)), key_(std::move(key)) {}
  Result<std::size_t> read(std::span<std::byte> into) override {
    auto count = from_->read(into);
    if (count) return count;
    auto error = std::move(count).error();
    if (error.code == ErrorCode::Malformed) error.hint_override = kDamagedHint;
    return fail(std::move(error).with_context(fmt::format("read {}", key_)));
  }

 private:
  std::unique_ptr<Source> from_;
  std::string key_;
};

}  // namespace

Result<std::unique_ptr<EncodedWriter>> EncodedWriter::create(Store& store, const std::string& key,
                                                             const Encoding& encoding,
                                                             Replace replace) {
  auto stored_key = key + encoding.suffix();
  TRY(object, store.create(stored_key, replace));
  return std::make_unique<StagedWriter>(std::move(stored_key), std::move(object), encoding);
}

Result<std::unique_ptr<Source>> read_encoded(Store& store, const std::string& key,
                                             const KeyRing& keys, const StoredObject* expected) {
  const bool sealed = key.ends_with(kSealedSuffix);
  if (!sealed && !key.ends_with(kZstdSuffix))
    return fail(ErrorCode::Malformed, fmt::format("{} is not an encoded object", key));
  TRY(object, store.open(key));
  std::unique_ptr<Source> source = std::make_unique<ObjectSource>(std::move(object), expected);
  if (sealed) source = make_unsealing_source(std::move(source), keys);
  return std::make_unique<NamedSource>(make_zstd_source(std::move(source)), key);
}

Result<std::string> read_encoded_text(Store& store, const std::string& key, const KeyRing& keys,
                                      std::size_t bytes_max) {
  TRY(source, read_encoded(store, key, keys));
  std::string text;
  for (;;) {
    const auto had = text.size();
    text.resize(had + kTextStepBytes);
    auto count = source->read(std::as_writable_bytes(std::span(text)).subspan(had));
    if (!count) return fail(std::move(count).error());
    text.resize(had + *count);
    if (*count == 0) return text;
    if (text.size() > bytes_max)
      return fail(ErrorCode::Malformed, fmt::format("{} is larger than {} bytes", key, bytes_max));
  }
}

}  // namespace pgkeel::archive
