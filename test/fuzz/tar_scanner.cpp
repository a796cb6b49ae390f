// What a server sends as a tar. Goal: nothing crashes the scanner, it tells the same however the
// bytes are cut, and the bytes it passes on are those it was given.
#include "archive/base_backup/tar_scanner.hpp"

#include <string>

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace pgkeel;

namespace {

class Recorder final : public archive::TarVisitor {
 public:
  std::string bytes;
  std::string story;

 private:
  Result<void> begin(const archive::TarMember& member, ByteSpan headers) override {
    story += member.name + " " + std::to_string(member.size_bytes) + "\n";
    return add(headers);
  }
  Result<void> content(ByteSpan part) override { return add(part); }
  Result<void> end(ByteSpan padding) override { return add(padding); }
  Result<void> add(ByteSpan part) {
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
    return {};
  }
};

bool scan(ByteSpan tar, std::size_t step, Recorder& recorder) {
  archive::TarScanner scanner(recorder);
  for (; !tar.empty(); tar = tar.subspan(std::min(step, tar.size())))
    if (!scanner.push(tar.first(std::min(step, tar.size())))) return false;
  return scanner.finish(archive::TarScanner::End::Optional).has_value();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto tar = std::as_bytes(std::span(bytes, size));
  Recorder whole, cut;
  CHECK(scan(tar, size + 1, whole) == scan(tar, 37, cut));
  CHECK(whole.bytes == cut.bytes && whole.story == cut.story);
  CHECK(test::text_of(bytes, size).starts_with(whole.bytes));
  return 0;
}
