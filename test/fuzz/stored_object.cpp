// Objects of a store others may write to. Goal: nothing crashes the decoders or makes them use much
// memory, and sealed bytes that nobody sealed never open.
#include <array>
#include <memory>

#include "archive/codec/encoded.hpp"
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "support/memory_store.hpp"

using namespace pgkeel;

namespace {

constexpr std::size_t kReadBytesMax = 4U << 20U;  // a few bytes may unpack to gigabytes

bool reads_to_the_end(test::MemoryStore& store, const std::string& key) {
  const archive::KeyRing keys({archive::ArchiveKey{}});
  auto source = archive::read_encoded(store, key, keys);
  CHECK(source.has_value());
  std::array<std::byte, 4096> part{};
  for (std::size_t total = 0; total < kReadBytesMax;) {
    const auto count = source.value()->read(part);
    if (!count) CHECK(count.error().message().find(key) != std::string::npos);
    if (!count) return false;
    if (*count == 0) return true;
    total += *count;
  }
  return true;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  test::MemoryStore store;
  const std::string text(test::text_of(bytes, size));
  store.objects["x.zst"] = store.objects["x.zst.sealed"] = text;
  static_cast<void>(reads_to_the_end(store, "x.zst"));
  CHECK(!reads_to_the_end(store, "x.zst.sealed"));
  auto writer = archive::EncodedWriter::create(
      store, "y", {.level = 1, .threads = 0, .key = archive::ArchiveKey{}},
      archive::Replace::Never);
  CHECK(writer && writer.value()->write(std::as_bytes(std::span(text))));
  CHECK(writer.value()->finish().has_value() && reads_to_the_end(store, "y.zst.sealed"));
  return 0;
}
